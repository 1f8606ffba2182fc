package org.netback.console;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ConsoleFileNameTest {
  private static final ConsoleId PRIMARY = new ConsoleId(5, 0);
  private static final ConsoleId SECOND = new ConsoleId(5, 1);

  @Test
  void isTheGuestsNameWhereItCan() {
    assertThat(ConsoleFileName.of("web-1.example_org", PRIMARY))
        .isEqualTo("guest-web-1.example_org");
    assertThat(ConsoleFileName.of("web", SECOND)).isEqualTo("guest-web+1");
    assertThat(ConsoleFileName.of("", SECOND)).isEqualTo("console5.1");
  }

  @Test
  void leadsOutOfNoDirectory() {
    assertThat(ConsoleFileName.of("../../etc", PRIMARY)).isEqualTo("guest-..%2f..%2fetc");
    assertThat(ConsoleFileName.of("a b\n\u00e9", PRIMARY)).isEqualTo("guest-a%20b%0a%c3%a9");
  }

  @Test
  void isNoOtherGuests() {
    assertThat(ConsoleFileName.of("web+1", PRIMARY))
        .isNotEqualTo(ConsoleFileName.of("web", SECOND));
    assertThat(ConsoleFileName.of("a%20", PRIMARY)).isNotEqualTo(ConsoleFileName.of("a ", PRIMARY));
    String end = "x".repeat(300);
    assertThat(ConsoleFileName.of(end + "a", SECOND))
        .isNotEqualTo(ConsoleFileName.of(end + "b", SECOND))
        .hasSizeLessThan(240);
  }
}
