package org.netback.capture.filter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.netback.properties.Property;

/// What whoever types an expression is told. The words of libpcap are those of its version; the
/// place, which it does not tell, is found here.
class FilterMessagesTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "tcp prot 80; 4; prot",
        "tcp port 80 and;15;''",
        "tcp prt 80 and udp port 53 or host 10.0.0.1; 4; prt",
        "host 10.0.0.1 and (udp port 53 or tcp; 37; ''",
        "tcp); 3; )",
        "tcp && && udp; 7; &&",
        "tcp port 80 or ip6[1; 20; ''",
        "ip proto tcp; 9; tcp",
        "tcp @ 80; 4; @",
        "tcp é 80; 4; é",
        "ip[0; 4; ''",
        "ip[0:3] = 1; 6; ]",
        "tcp port 80 or port nosuchservice; 20; nosuchservice",
        "host 300.1.1.1 or tcp; 5; 300.1.1.1",
        "udp or port 99999; 12; 99999",
        "tcp and vlan 5000; 13; 5000",
        "ip[0] = 99999999999; 8; 99999999999",
        "host 1:2:3 and tcp; 5; 1:2:3",
        "ether host aa:bb; 11; aa:bb",
        "tcp and 1:1:1:; 8; 1:1:1:",
        "not tcp and; 11; ''",
        "(; 1; ''",
        "tcp tcp; 4; tcp",
      })
  void tellsWhereTheErrorIs(String expression, int position, String piece) {
    FilterException error = refusal(expression);
    assertThat(error.position()).isEqualTo(position);
    assertThat(error)
        .hasMessageEndingWith(
            piece.isEmpty()
                ? " at the end of the filter"
                : " at character %d of the filter, \"%s\"".formatted(position + 1, piece));
  }

  private static FilterException refusal(String expression) {
    FilterException error =
        catchThrowableOfType(FilterException.class, () -> FilterCompiler.compile(expression));
    assertThat(error).isNotNull();
    return error;
  }

  @Test
  void repeatsLibpcapsWords() {
    assertThat(refusal("tcp prot 80"))
        .hasMessageContaining("syntax error at character 5 of the filter, \"prot\"");
    assertThat(refusal("port nosuchservice"))
        .hasMessage("unknown port 'nosuchservice' at character 6 of the filter, \"nosuchservice\"");
    assertThat(refusal("net 10.0.0.1/8")).hasMessageContaining("10.0.0.1/8");
  }

  @Test
  void refusesWhatLibpcapCannotBear() {
    assertThatThrownBy(() -> FilterCompiler.compile("tcp or ".repeat(300) + "tcp"))
        .isInstanceOf(FilterException.class)
        .hasMessage("the filter has 2103 characters, at most 2048");
    assertThat(refusal("tcp\0 port 80"))
        .hasMessage("the filter has a NUL at character 4")
        .satisfies(error -> assertThat(error.position()).isEqualTo(3));
  }

  /// Text of any kind is a filter or is refused with a place in it. There is no name among it that
  /// a name server would be asked for.
  @Test
  void takesAnyText() {
    String[] words = {
      "tcp",
      "port",
      "80",
      "and",
      "or",
      "not",
      "(",
      ")",
      "host",
      "10.0.0.1",
      "net",
      "/",
      "8",
      "[",
      "]",
      "&",
      "ip",
      "=",
      "vlan",
      "1:1:1:",
      "!",
      "len",
      "'",
      "\"",
      "\\",
      "{",
      "é",
      "-",
      ":"
    };
    Property.holds(
        600,
        sample -> {
          String text =
              sample.anyBoolean()
                  ? String.join(" ", sample.list(1, 9, () -> sample.oneOf(words)))
                  : sample.text(12, " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\u0001\u00e9");
          try {
            FilterCompiler.compile(text);
          } catch (FilterException e) {
            assertThat(e.position()).isBetween(FilterException.NOWHERE, text.length());
            assertThat(e.getMessage()).isNotBlank();
          }
        });
  }
}
