package org.netback.xen.embedded.xenstored;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.netback.loop.InternalErrors;
import org.netback.properties.Property;
import org.netback.properties.Sample;

/// One client's connection, stepped by hand.
class ConnectionTest {
  private Store store = new Store();
  private final List<InternalErrors.Report> log = new ArrayList<>();
  private final InternalErrors errors = new InternalErrors(() -> 0, log::add);

  private EmbeddedChannel connect(int domid) {
    return new EmbeddedChannel(new Connection(store, store.getToKnow(domid), errors));
  }

  @Test
  void recordsABugOfTheStoresAndEndsThatClientOnly() {
    EmbeddedChannel client = connect(3);
    EmbeddedChannel other = connect(4);
    client.pipeline().fireExceptionCaught(new IOException("connection reset"));
    assertThat(client.isOpen()).isFalse();
    assertThat(errors.count()).isZero();

    EmbeddedChannel again = connect(3);
    again.pipeline().fireExceptionCaught(new AssertionError("planted"));

    assertThat(again.isOpen()).isFalse();
    assertThat(other.isOpen()).isTrue();
    assertThat(errors.count()).isEqualTo(1);
    assertThat(log)
        .extracting(InternalErrors.Report::owner)
        .containsExactly("xenstored, client of domain 3");
    close(other);
  }

  private static void close(EmbeddedChannel channel) {
    var _ = channel.close();
  }

  private static void send(EmbeddedChannel channel, byte[] octets) {
    channel.writeInbound(Unpooled.wrappedBuffer(octets));
    channel.runPendingTasks();
    channel.checkException();
  }

  private static byte[] sent(EmbeddedChannel channel) {
    channel.runPendingTasks();
    channel.flushOutbound();
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (ByteBuf message = channel.readOutbound();
        message != null;
        message = channel.readOutbound()) {
      byte[] octets = new byte[message.readableBytes()];
      message.readBytes(octets).release();
      all.writeBytes(octets);
    }
    return all.toByteArray();
  }

  /// The payloads of the watch events in what was sent.
  private static List<String> events(byte[] sent) {
    List<String> events = new ArrayList<>();
    ByteBuf left = Unpooled.wrappedBuffer(sent);
    while (left.isReadable()) {
      int type = left.readIntLE();
      left.skipBytes(8);
      String payload = left.readCharSequence(left.readIntLE(), ISO_8859_1).toString();
      if (type == MessageHeader.WATCH_EVENT) {
        events.add(payload.substring(0, payload.indexOf('\0')));
      }
    }
    return events;
  }

  private static byte[] frames(String... requests) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    int number = 0;
    for (String request : requests) {
      int colon = request.indexOf(':');
      Operation operation = Operation.valueOf(request.substring(0, colon));
      all.writeBytes(RawClient.frame(operation.type(), ++number, 0, request.substring(colon + 1)));
    }
    return all.toByteArray();
  }

  @Test
  void answersTheSameHoweverTheRequestsAreCut() {
    byte[] requests =
        frames(
            "WATCH:/a\0token\0",
            "WRITE:/a/b\0" + "v".repeat(300),
            "READ:/a/b\0",
            "DIRECTORY:/a\0",
            "RM:/a\0",
            "READ:/a\0",
            "READ:",
            "TRANSACTION_START:\0");
    EmbeddedChannel whole = connect(0);
    send(whole, requests);
    byte[] expected = sent(whole);
    close(whole);
    for (int chunk = 1; chunk < requests.length; chunk++) {
      Store fresh = new Store();
      EmbeddedChannel cut = new EmbeddedChannel(new Connection(fresh, fresh.getToKnow(0), errors));
      for (int at = 0; at < requests.length; at += chunk) {
        send(cut, Arrays.copyOfRange(requests, at, Math.min(requests.length, at + chunk)));
      }
      assertThat(sent(cut)).isEqualTo(expected);
      close(cut);
    }
  }

  @Test
  void answersAnUnknownRequestAndHangsUpOnOneThatIsTooLong() {
    EmbeddedChannel channel = connect(3);
    send(channel, RawClient.frame(20, 7, 0, "\0"));
    send(channel, RawClient.frame(99, 8, 0, ""));
    assertThat(new String(sent(channel), ISO_8859_1)).contains("ENOSYS\0").endsWith("ENOSYS\0");
    send(channel, RawClient.frame(Operation.READ.type(), 9, 0, "x".repeat(4097)));
    assertThat(channel.isOpen()).isFalse();
    assertThat(store.sessions(store.getToKnow(3))).isEmpty();
  }

  @Test
  void takesNoRequestsWhileTheClientTakesNoReplies() {
    EmbeddedChannel channel = connect(0);
    blocked(channel, true);
    send(channel, frames("WRITE:/a\0001"));
    assertThat(new Client(store, 0).read("/a")).isEqualTo("!ENOENT");
    blocked(channel, false);
    channel.runPendingTasks();
    assertThat(new Client(store, 0).read("/a")).isEqualTo("1");
    close(channel);
  }

  private static void blocked(EmbeddedChannel channel, boolean blocked) {
    channel.unsafe().outboundBuffer().setUserDefinedWritability(1, !blocked);
    channel.runPendingTasks();
  }

  @Test
  void mergesEventsThatWaitForASlowClient() {
    EmbeddedChannel channel = connect(0);
    send(channel, frames("WATCH:/a\0token\0"));
    sent(channel);
    blocked(channel, true);
    Client writer = new Client(store, 0);
    for (int i = 0; i < 1000; i++) {
      writer.write("/a", "1");
      writer.write("/a/b", "1");
    }
    blocked(channel, false);
    assertThat(events(sent(channel))).containsExactly("/a", "/a/b");
    writer.write("/a", "1");
    assertThat(events(sent(channel))).containsExactly("/a");
    close(channel);
  }

  @Test
  void dropsAGuestsEventsBeyondTheBoundAndGoesOnAfterwards() {
    EmbeddedChannel channel = connect(3);
    Client writer = new Client(store, 0);
    writer.write("/a", "");
    writer.allow("/a", "r0");
    send(channel, frames("WATCH:/a\0token\0"));
    sent(channel);
    blocked(channel, true);
    String name = "n".repeat(1000);
    for (int i = 0; i < 5000; i++) {
      writer.write("/a/" + name + i, "1");
      writer.remove("/a/" + name + i);
    }
    blocked(channel, false);
    assertThat(sent(channel).length).isBetween(500_000, 2 * Connection.GUEST_EVENTS_MAX);
    writer.write("/a/last", "");
    assertThat(events(sent(channel))).containsExactly("/a/last");
    close(channel);
  }

  @Test
  void boundsTheConnectionsOfAGuest() {
    List<EmbeddedChannel> channels = new ArrayList<>();
    for (int i = 0; i < Connection.GUEST_CONNECTIONS_MAX; i++) {
      channels.add(connect(3));
    }
    assertThat(channels).allMatch(EmbeddedChannel::isOpen);
    assertThat(connect(3).isOpen()).isFalse();
    assertThat(connect(4).isOpen()).isTrue();
    close(channels.removeFirst());
    assertThat(connect(3).isOpen()).isTrue();
  }

  @Test
  void aDeadDomainsSocketServesNobody() {
    Account dead = store.getToKnow(3);
    EmbeddedChannel before = connect(3);
    store.release(3);
    before.runPendingTasks();
    assertThat(before.isOpen()).isFalse();
    store.getToKnow(3);
    assertThat(new EmbeddedChannel(new Connection(store, dead, errors)).isOpen()).isFalse();
  }

  @Test
  void survivesAnyOctets() {
    Property.holds(
        500,
        sample -> {
          byte[] octets = sample.octets(0, 600);
          store = new Store();
          EmbeddedChannel channel = connect(3);
          send(channel, octets);
          close(channel);
          assertThat(store.getToKnow(3).watches()).isZero();
          assertThat(new Client(store, 0).ask(Operation.DIRECTORY, "/\0")).isEqualTo("tool");
        });
  }

  private static final String[] LIKELY = {
    "/local/domain/3\0",
    "x/y\0value",
    "x\0n3\0r4\0",
    "@releaseDomain\0t\0",
    "T\0",
    "\0",
    "x\0t\0002\0",
    "x\0000\0",
    "x\0-1\0",
    "x\09999999999\0"
  };

  private static byte[] message(Sample sample) {
    return RawClient.frame(
        sample.between(-1, 30),
        1,
        sample.between(0, 3),
        sample.anyBoolean() ? sample.text(40, "/a@\0\u00ff09-n3brTF") : sample.oneOf(LIKELY));
  }

  private static byte[] messages(Sample sample) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    sample.list(0, 60, () -> message(sample)).forEach(all::writeBytes);
    return all.toByteArray();
  }

  @Test
  void answersEachOfAnyRequests() {
    Property.holds(
        1000,
        sample -> {
          byte[] messages = messages(sample);
          store = new Store();
          Client control = new Client(store, 0);
          control.write("/local/domain/3", "");
          control.allow("/local/domain/3", "n3");
          EmbeddedChannel channel = connect(3);
          int requests = 0;
          for (int at = 0; at < messages.length; requests++) {
            at += MessageHeader.SIZE + Unpooled.wrappedBuffer(messages).getIntLE(at + 12);
          }
          send(channel, messages);
          byte[] sent = sent(channel);
          int replies = -events(sent).size();
          for (int at = 0; at < sent.length; replies++) {
            at += MessageHeader.SIZE + Unpooled.wrappedBuffer(sent).getIntLE(at + 12);
          }
          assertThat(replies).isEqualTo(requests);
          close(channel);
          Account guest = store.getToKnow(3);
          assertThat(guest.watches() + guest.transactions()).isZero();
          store.release(3);
          assertThat(guest.nodes()).isZero();
          assertThat(control.ask(Operation.DIRECTORY, "/\0")).isEqualTo("local\0tool");
        });
  }
}
