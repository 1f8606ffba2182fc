package org.netback.client;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LayoutsTest {
  private static Json json(String text) {
    return Json.parse(text.replace('\'', '"'));
  }

  @Test
  void statusIsAFewLinesAndANetworkTable() {
    assertThat(
            Layouts.status(
                json(
                    """
                    {'version': '0.1.0', 'pid': 42, 'uptimeSeconds': 3725,
                     'ground': {'run': '/run/netback', 'apart': true},
                     'vifs': 3, 'connectedVifs': 2, 'taps': 1,
                     'networks': [
                       {'network': 'lan', 'ports': 3, 'addresses': 12, 'unicastFrames': 123456,
                        'floodedFrames': 7, 'discardedFrames': 0, 'moved': 1, 'aged': 2}]}
                    """)))
        .isEqualTo(
            """
            netback 0.1.0, pid 42, up 1 h 2 min
            ground /run/netback, apart
            vifs 3, 2 connected; taps 1

            NETWORK  PORTS  MACS  UNICAST  FLOODED  DISCARDED  MOVED  AGED
            lan          3    12   123456        7          0      1     2
            """);
  }

  @Test
  void vifsAreAlignedAndDropsNameTheirReason() {
    assertThat(
            Layouts.vifs(
                json(
                    """
                    [{'id': 'vif1.0', 'network': 'lan', 'state': 'CONNECTED',
                      'mac': '00:16:3e:00:00:01', 'guest': 'mail', 'queues': 2, 'ingressFrames': 5,
                      'ingressOctets': 500, 'egressFrames': 1234567,
                      'egressOctets': 9876543210, 'drops': {'BACKLOG_FULL': 3, 'TOO_LONG': 1}},
                     {'id': 'vif12.0', 'network': 'tenant-a', 'state': 'INIT_WAIT', 'mac': '', 'guest': '',
                      'queues': 0, 'ingressFrames': 0, 'ingressOctets': 0, 'egressFrames': 0,
                      'egressOctets': 0, 'drops': {}}]
                    """)))
        .isEqualTo(
            """
            VIF      NETWORK   STATE      MAC                GUEST  QUEUES  FROM GUEST  OCTETS  TO GUEST  OCTETS  DROPS
            vif1.0   lan       CONNECTED  00:16:3e:00:00:01  mail        2           5   500 B   1234567  9.9 GB  BACKLOG_FULL 3, TOO_LONG 1
            vif12.0  tenant-a  INIT_WAIT  -                  -           0           0     0 B         0     0 B  -
            """);
  }

  @Test
  void oneVifIsALineForEachFieldAndAColumnForEachQueue() {
    assertThat(
            Layouts.fields(
                json(
                    """
                    {'id': 'vif1.0', 'connected': true, 'drops': {}, 'lastError': '',
                     'tx': [{'frames': 1, 'rejected': {'TOO_SHORT': 2}},
                            {'frames': 22, 'rejected': {}}],
                     'rx': []}
                    """)))
        .isEqualTo(
            """
            id         vif1.0
            connected  true
            drops      -
            lastError  -

            tx
                      #0           #1
            frames    1            22
            rejected  TOO_SHORT 2   -
            """);
  }

  @Test
  void stationsAndPortsAreTables() {
    assertThat(
            Layouts.fdb(
                json(
                    """
                    [{'network': 'lan', 'mac': '00:16:3e:00:00:01', 'port': 'vif1.0',
                      'ageSeconds': 4, 'static': false},
                     {'network': 'lan', 'mac': '02:00:00:00:00:01', 'port': 'up0',
                      'ageSeconds': 0, 'static': true}]
                    """)))
        .isEqualTo(
            """
            NETWORK  MAC                PORT    AGE
            lan      00:16:3e:00:00:01  vif1.0  4 s
            lan      02:00:00:00:00:01  up0     static
            """);
    assertThat(
            Layouts.ports(
                json(
                    """
                    [{'name': 'up0', 'network': 'lan', 'kind': 'tap', 'ingressFrames': 1,
                      'ingressOctets': 60, 'egressFrames': 2, 'egressOctets': 12345,
                      'addresses': 1, 'drops': {}}]
                    """)))
        .isEqualTo(
            """
            PORT  NETWORK  KIND  IN  OCTETS  OUT   OCTETS  MACS  DROPS
            up0   lan      tap    1    60 B    2  12.3 kB     1  -
            """);
  }

  @Test
  void noRowsLeaveTheTitles() {
    assertThat(Layouts.fdb(json("[]"))).isEqualTo("NETWORK  MAC  PORT  AGE\n");
  }

  @Test
  void wideAndForeignNamesKeepTheColumns() {
    assertThat(
            Layouts.fdb(
                json(
                    """
                    [{'network': 'é😀', 'mac': 'm', 'port': 'vif12345.0', 'ageSeconds': 4},
                     {'network': 'a-network-of-many-letters', 'mac': 'm', 'port': 'p',
                      'ageSeconds': 12}]
                    """)))
        .isEqualTo(
            """
            NETWORK                    MAC  PORT         AGE
            é😀                         m    vif12345.0   4 s
            a-network-of-many-letters  m    p           12 s
            """);
  }

  @Test
  void aGuestsTextMovesNoCursor() {
    assertThat(Layouts.fields(json("{'id': 'x', 'lastError': 'a\\u001b[2Jb\\nc\\u202ed'}")))
        .isEqualTo("id         x\nlastError  a\ufffd[2Jb\ufffdc\ufffdd\n");
  }
}
