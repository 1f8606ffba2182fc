package org.netback.ctrl;

import org.netback.xen.io.netif.CtrlResponse;

/// What a control request comes to.
///
/// @param status one of [CtrlResponse]'s
/// @param data its meaning depends on the request; 0 unless it succeeded
record Answer(int status, int data) {
  static final Answer DONE = new Answer(CtrlResponse.STATUS_SUCCESS, 0);
  static final Answer NOT_SUPPORTED = new Answer(CtrlResponse.STATUS_NOT_SUPPORTED, 0);
  static final Answer INVALID = new Answer(CtrlResponse.STATUS_INVALID_PARAMETER, 0);
  static final Answer TOO_LARGE = new Answer(CtrlResponse.STATUS_BUFFER_OVERFLOW, 0);

  static Answer of(int data) {
    return new Answer(CtrlResponse.STATUS_SUCCESS, data);
  }
}
