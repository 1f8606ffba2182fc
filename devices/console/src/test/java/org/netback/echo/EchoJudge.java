package org.netback.echo;

/// What the answer to a request is, whatever the guest has written.
final class EchoJudge {
  private EchoJudge() {}

  static EchoResponse judge(EchoRequest request) {
    byte[] reverse = new byte[EchoRequest.MOST];
    if (request.length() > EchoRequest.MOST) {
      return new EchoResponse(request.id(), EchoResponse.ERROR, reverse);
    }
    for (int i = 0; i < request.length(); i++) {
      reverse[i] = request.payload()[request.length() - 1 - i];
    }
    return new EchoResponse(request.id(), request.length(), reverse);
  }
}
