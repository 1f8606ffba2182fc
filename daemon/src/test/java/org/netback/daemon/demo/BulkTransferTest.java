package org.netback.daemon.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.netback.daemon.Cleanup;
import org.netback.daemon.Lab;
import org.netback.daemon.Namespace;
import org.netback.daemon.Program;

/// Over the loopback of a namespace of its own.
class BulkTransferTest {
  private static final double CRAWL_BITS = 1e6;

  @Test
  void measuresByIperf3() throws Exception {
    try (Lab lab = new Lab();
        Cleanup cleanup = new Cleanup()) {
      Namespace alone = lab.namespace("bulk");
      assertThat(Program.find("iperf3")).isPresent();
      double bits = BulkTransfer.run(alone, alone, "127.0.0.1", 1, Program.find("iperf3"), cleanup);
      assertThat(bits).isGreaterThan(CRAWL_BITS);
    }
  }

  @Test
  void measuresBySocketsOfItsOwnWhereThereIsNoIperf3() throws Exception {
    try (Lab lab = new Lab();
        Cleanup cleanup = new Cleanup()) {
      Namespace alone = lab.namespace("bulk");
      double bits = BulkTransfer.run(alone, alone, "::1", 1, Optional.empty(), cleanup);
      assertThat(bits).isGreaterThan(CRAWL_BITS);
    }
  }
}
