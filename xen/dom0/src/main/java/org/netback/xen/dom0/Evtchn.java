package org.netback.xen.dom0;

/// Numbers and layouts of xen/evtchn.h. A read gives the ports, 32 bits each, that have been
/// notified, and masks them; writing a port back unmasks it.
final class Evtchn {
  static final String PATH = "/dev/xen/evtchn";

  static final long BIND_INTERDOMAIN = 0x84501;
  static final long BIND_UNBOUND_PORT = 0x44502;
  static final long UNBIND = 0x44503;
  static final long NOTIFY = 0x44504;

  /// `struct ioctl_evtchn_bind_interdomain`; the other structures are its first word.
  static final int INTERDOMAIN_SIZE = 8;

  static final int REMOTE_DOMAIN = 0;
  static final int REMOTE_PORT = 4;
  static final int PORT_SIZE = 4;

  private Evtchn() {}
}
