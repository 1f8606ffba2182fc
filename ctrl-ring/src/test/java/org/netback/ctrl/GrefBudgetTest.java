package org.netback.ctrl;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.netback.xen.embedded.BareDomain;
import org.netback.xen.embedded.Hypervisor;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.grant.GrantTable;

/// One guest cannot have the mappings of all.
final class GrefBudgetTest {
  private final Hypervisor hypervisor = new Hypervisor();
  private final GrantTable grants = hypervisor.grantTable(Hypervisor.BACKEND_DOMID);
  private final GrefBudget budget = new GrefBudget(10);

  @AfterEach
  void close() {
    hypervisor.close();
  }

  private GrefMappings mappings(BareDomain domain) {
    return new GrefMappings(grants, domain.domid(), budget, Runnable::run);
  }

  private static int[] granted(BareDomain domain, int count) {
    int[] grefs = new int[count];
    for (int i = 0; i < count; i++) {
      grefs[i] = domain.memory().grant(domain.memory().allocate(1), 0, false);
    }
    return grefs;
  }

  @Test
  void sharesOneBoundAmongAllGuests() throws Exception {
    BareDomain first = hypervisor.createDomain("first", new DomainSize(1, 100));
    BareDomain second = hypervisor.createDomain("second", new DomainSize(1, 100));
    GrefMappings ofFirst = mappings(first);
    GrefMappings ofSecond = mappings(second);
    int[] nothing = {};
    int[] grefs = granted(first, 9);
    assertThat(ofFirst.add(nothing, granted(first, 11))).isFalse();
    assertThat(ofFirst.add(nothing, grefs)).isTrue();
    assertThat(ofSecond.add(nothing, granted(second, 2))).isFalse();
    assertThat(ofSecond.add(granted(second, 1), nothing)).isTrue();
    assertThat(ofSecond.add(granted(second, 1), nothing)).isFalse();
    ofFirst.remove(new HashSet<>(List.of(grefs[0], grefs[5])));
    assertThat(ofSecond.add(nothing, granted(second, 2))).isTrue();
    // What is refused by the ground is given back to the budget.
    ofFirst.remove(new HashSet<>(List.of(grefs[1])));
    assertThat(ofFirst.add(nothing, new int[] {77})).isFalse();
    assertThat(ofSecond.add(nothing, granted(second, 1))).isTrue();
    ofFirst.close();
    ofFirst.close();
    ofSecond.close();
    assertThat(mappings(first).add(nothing, granted(first, 10))).isTrue();
    assertThat(mappings(second).add(nothing, granted(second, 1))).isFalse();
  }
}
