package org.netback.capture.filter;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FilterReachTest {
  /// Behind the longest IPv4 header: 14 + 60 + 4 octets of the ports, 14 + 60 + 14 for the flags.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          arp                            | 14
          ether[99] = 1                  | 100
          host 10.0.0.1                  | 42
          ip and tcp dst port 80         | 78
          tcp[tcpflags] & tcp-syn != 0   | 88
          ip[ip[0] & 15] = 1             | 262144
          """)
  void isWhatTheProgramReadsAtMost(String expression, int reach) throws FilterException {
    assertThat(FilterCompiler.compile(expression).reach()).isEqualTo(reach);
  }
}
