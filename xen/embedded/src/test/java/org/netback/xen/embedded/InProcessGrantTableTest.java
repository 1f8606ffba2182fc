package org.netback.xen.embedded;

import java.io.IOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.embedded.memory.EmbeddedGrantTableContract;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.grant.GuestMemory;

final class InProcessGrantTableTest extends EmbeddedGrantTableContract {
  private final Hypervisor hypervisor = new Hypervisor();
  private final GrantTable backend = hypervisor.grantTable(Hypervisor.BACKEND_DOMID);
  private BareDomain guest;

  @BeforeEach
  void create() throws IOException {
    guest = hypervisor.createDomain("guest", DomainSize.DEFAULT);
  }

  @AfterEach
  void close() {
    hypervisor.close();
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
  protected void destroyGuest() {
    guest.close();
  }
}
