package org.netback.benchmarks.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class CpuAccountTest {
  /// Counts, says when it has done so, and waits to be ended.
  private static final String BUSY =
      "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo; read -r end";

  @Test
  void countsAProcessByItsEntryInProc() throws IOException, InterruptedException {
    try (CpuAccount account = new ProcessAccount(false)) {
      countsWhatAProcessBurns(account);
    }
  }

  @Test
  void countsAProcessByItsControlGroup() throws IOException, InterruptedException {
    Optional<CpuAccount> group =
        CgroupAccount.open("netback-test-" + ProcessHandle.current().pid());
    assumeTrue(group.isPresent(), "no control group can be made here");
    try (CpuAccount account = group.get()) {
      countsWhatAProcessBurns(account);
    }
  }

  @Test
  void countsChildrenThatHaveEnded() throws IOException, InterruptedException {
    try (CpuAccount account = new ProcessAccount(true)) {
      double before = account.seconds();
      Process process = start(account);
      assertThat(process.getInputStream().read()).isEqualTo('\n');
      double burnt = process.info().totalCpuDuration().orElseThrow().toNanos() / 1e9;
      process.getOutputStream().close();
      process.waitFor();
      // Both count in ticks; less than half of one is the rounding of a difference.
      assertThat(account.seconds() - before).isGreaterThan(burnt - 0.005);
    }
  }

  private static void countsWhatAProcessBurns(CpuAccount account)
      throws IOException, InterruptedException {
    assertThat(account.seconds()).isZero();
    Process process = start(account);
    try {
      assertThat(process.getInputStream().read()).isEqualTo('\n');
      double burnt = process.info().totalCpuDuration().orElseThrow().toNanos() / 1e9;
      assertThat(burnt).isGreaterThan(0.02);
      // Ticks of 10 ms for user and system time each.
      assertThat(account.seconds()).isBetween(burnt - 0.02, burnt + 0.05);
    } finally {
      process.destroyForcibly().waitFor();
    }
  }

  private static Process start(CpuAccount account) throws IOException {
    Process process =
        new ProcessBuilder(account.entering(List.of("sh", "-c", BUSY)))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    account.started(process);
    return process;
  }
}
