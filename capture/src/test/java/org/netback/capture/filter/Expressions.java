package org.netback.capture.filter;

import java.util.List;

/// Every primitive of pcap-filter(7), in the order of that page, every example of it that does not
/// need a name of its author's network, and what may go wrong with an arithmetic expression.
final class Expressions {
  /// What libpcap compiles for Ethernet, and what a frame may match or not.
  static final List<String> COMPILED =
      """
      dst host 10.0.0.2
      src host 10.0.0.1
      host 10.0.0.1
      host fd00::1
      ip host 10.0.0.1
      arp host 10.0.0.1
      rarp host 10.0.0.1
      ip6 host fd00::2
      src or dst host 10.0.0.1
      src and dst host 10.0.0.1
      ether dst 00:16:3e:00:00:01
      ether src 0016.3e00.0002
      ether host 00-16-3e-00-00-01
      ether host 00163e000001
      fddi src 00:16:3e:00:00:01
      tr dst 00:16:3e:00:00:01
      wlan src 00:16:3e:00:00:01
      ether host 00:16:3e:00:00:01 and not host 10.0.0.1
      dst net 192.168.1.0
      src net 172.16
      net 10
      net 192.168.1
      net 10.0.0.0 mask 255.0.0.0
      src net 10.0.0.0/8
      net fd00::/8
      dst port 80
      src port 53
      port 513
      tcp src port 80
      udp port 53
      sctp port 80
      dst portrange 6000-6008
      src portrange 1000-2000
      tcp portrange 1000-2000
      less 60
      greater 200
      ip proto \\tcp
      ip proto \\icmp
      ip proto 47
      icmp
      ip6 proto \\udp
      ip6 proto 58
      icmp6
      proto \\udp
      proto 103
      ah
      esp
      pim
      sctp
      tcp
      udp
      igmp
      igrp
      vrrp
      carp
      ip6 protochain 6
      ip6 protochain \\tcp
      ip protochain 17
      protochain 58
      ether broadcast
      broadcast
      ether multicast
      multicast
      ip multicast
      ip6 multicast
      ether proto 0x88b5
      ether proto \\aarp
      ether proto \\arp
      ether proto \\atalk
      ether proto \\decnet
      ether proto \\ip
      ether proto \\ip6
      ether proto \\ipx
      ether proto \\iso
      ether proto \\lat
      ether proto loopback
      ether proto \\mopdl
      ether proto \\moprc
      ether proto \\netbeui
      ether proto \\rarp
      ether proto \\sca
      ether proto \\stp
      ip
      ip6
      arp
      rarp
      atalk
      aarp
      decnet
      iso
      stp
      ipx
      netbeui
      lat
      moprc
      mopdl
      decnet src 10.123
      decnet dst 10.123
      decnet host 10.123
      llc
      llc i
      llc s
      llc u
      llc rr
      llc rnr
      llc rej
      llc ui
      llc ua
      llc disc
      llc sabme
      llc test
      llc xid
      llc frmr
      vlan
      vlan 1
      vlan 100 && vlan 200
      vlan && vlan 300 && ip
      vlan and tcp port 80
      mpls
      mpls 1024
      mpls 100000 && mpls 1024
      mpls && mpls 1024 && host 192.9.200.1
      pppoed
      pppoes
      pppoes 0x27
      pppoes 0x27 && ip
      geneve
      geneve 0xb
      geneve 0xb && ip
      geneve and tcp port 80
      iso proto \\clnp
      iso proto 131
      clnp
      esis
      isis
      l1
      l2
      iih
      lsp
      snp
      csnp
      psnp
      ether[0] & 1 != 0
      ip[0] & 0xf != 5
      ip[6:2] & 0x1fff = 0
      tcp[0] = 3
      udp[4:2] > 100
      arp[6:2] = 1
      atalk[0] = 1
      carp[0] = 0x21
      decnet[0] = 1
      fddi[0] = 1
      icmp[0] = 8
      icmp6[0] = 128
      igmp[0] = 0x16
      igrp[0] = 1
      ip6[6] = 6
      lat[0] = 1
      link[12:2] = 0x800
      mopdl[0] = 1
      moprc[0] = 1
      pim[0] = 0x20
      ppp[0] = 1
      rarp[0] = 1
      sca[0] = 1
      sctp[0:2] = 80
      slip[0] = 1
      tr[0] = 1
      vrrp[0] = 0x21
      wlan[0] = 1
      icmp[icmptype] != icmp-echo and icmp[icmptype] != icmp-echoreply
      icmp6[icmp6type] = icmp6-neighborsolicit
      icmp[icmpcode] = 1
      icmp6[icmp6code] = 0
      tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not src and dst net 10.0.0.0/8
      tcp[tcpflags] & (tcp-rst|tcp-ack) == (tcp-rst|tcp-ack)
      tcp[tcpflags] & (tcp-push|tcp-urg|tcp-ece|tcp-cwr) != 0
      tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)
      ether[0] & 1 = 0 and ip[16] >= 224
      ip[8] * 2 + 3 > len / 4
      ip[8] % 7 = (ip[9] & 3) ^ 3
      ip[ip[0] & 0xf] <= ip[2:2] >> 3
      (ip[12:4] | 0xff) = 0x0a0000ff
      len > 100 and len <= 300
      ip[20 + ip[0]] < 9
      ip[8] / (ip[9] - 17) = 0
      ip[8] % (ip[9] - 17) = 64
      ip[4:2] << ip[1] = 0
      ip[4:2] >> ip[1] > 3
      -ip[8] = 0xffffffc0
      host 10.0.0.1 and not port 21 and not port 20
      tcp dst port 21 or 20 or 53
      not host 10.0.0.1 and 10.0.0.2
      not (host 10.0.0.1 or 10.0.0.2)
      ! tcp && udp || icmp
      ip host 10.0.0.1 and not 10.0.0.2
      ip and not net 10
      """
          .lines()
          .toList();

  /// What depends on the names that a host knows.
  static final List<String> NAMED =
      """
      host localhost
      ip6 host localhost
      dst net loopback
      port domain
      portrange ftp-data-ssh
      tcp dst port ftp or ftp-data or domain
      ip proto gre
      ip6 proto ipv6-icmp
      ether host localhost
      gateway localhost and ip[2:2] > 576
      """
          .lines()
          .toList();

  /// What the page has of other networks than Ethernet, or of captures on an interface.
  static final List<String> REFUSED =
      """
      ip broadcast
      gateway localhost
      inbound
      outbound
      ifname eth0
      on eth0
      rnr 3
      rulenum 3
      reason match
      rset x
      ruleset x
      srnr 3
      subrulenum 3
      action pass
      wlan ra 00:16:3e:00:00:01
      wlan ta 00:16:3e:00:00:01
      wlan addr1 00:16:3e:00:00:01
      wlan addr2 00:16:3e:00:00:01
      wlan addr3 00:16:3e:00:00:01
      wlan addr4 00:16:3e:00:00:01
      type mgt
      type mgt subtype beacon
      subtype beacon
      dir nods
      vpi 3
      vci 3
      lane
      oamf4s
      oamf4e
      oamf4
      oam
      metac
      bcc
      sc
      ilmic
      connectmsg
      metaconnect
      radio[0] = 1
      """
          .lines()
          .toList();

  private Expressions() {}
}
