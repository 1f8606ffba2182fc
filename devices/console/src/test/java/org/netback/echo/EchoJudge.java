package org.netback.echo;

/// What the answer to a request is, whatever the guest has written.
final class EchoJudge {
  private EchoJudge() {}

  static EchoResponse judge(EchoRequest request) {
    if (request.length() > EchoRequest.MOST) {
      return new EchoResponse(request.id(), EchoResponse.ERROR, "");
    }
    String text = request.text().substring(0, request.length());
    String reverse = new StringBuilder(text).reverse().toString();
    return new EchoResponse(request.id(), reverse.length(), reverse);
  }
}
