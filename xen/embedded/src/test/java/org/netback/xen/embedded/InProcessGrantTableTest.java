package org.netback.xen.embedded;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.grant.GuestMemory;

final class InProcessGrantTableTest extends EmbeddedGrantTableContract {
  private final DomainRegistry registry = new DomainRegistry();
  private final GrantTable backend = registry.grantTable(DomainRegistry.BACKEND_DOMID);
  private LocalDomain guest;

  @BeforeEach
  void create() throws IOException {
    guest = registry.createDomain("guest", DomainSize.DEFAULT);
  }

  @AfterEach
  void close() {
    registry.close();
  }

  @Override
  protected GuestMemory guest() {
    return guest.memory();
  }

  @Override
  protected GrantTable backend() {
    return backend;
  }

  @Override
  MemorySegment wholeMemory() {
    return registry.domain(guest.domid()).memory.orElseThrow().whole();
  }

  @Override
  void destroyGuest() {
    guest.close();
  }
}
