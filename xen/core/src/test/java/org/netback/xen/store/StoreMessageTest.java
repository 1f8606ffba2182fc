package org.netback.xen.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.netback.properties.Property;

class StoreMessageTest {
  @Test
  void encodesTheHeaderOfTheProtocol() {
    StoreMessage message =
        new StoreMessage(StoreOperation.WRITE.type(), 0x01020304, 5, "/a\0" + (char) 0xff);

    assertThat(hex(message.encode()))
        .isEqualTo("0b000000" + "04030201" + "05000000" + "04000000" + "2f6100ff");
  }

  @Test
  void decodesWhateverThePieces() {
    Property.holds(
        1000,
        sample -> {
          List<StoreMessage> messages =
              sample.list(
                  0,
                  8,
                  () ->
                      new StoreMessage(
                          sample.anyInt(),
                          sample.anyInt(),
                          sample.anyInt(),
                          sample.text(4096, "")));
          List<Integer> pieces = sample.list(1, 20, () -> sample.between(1, 5000));
          ByteBuffer stream =
              ByteBuffer.allocate(messages.stream().mapToInt(m -> 16 + m.payload().length()).sum());
          messages.forEach(m -> stream.put(m.encode()));
          stream.flip();
          StoreMessage.Decoder decoder = new StoreMessage.Decoder();
          List<StoreMessage> decoded = new ArrayList<>();
          for (int i = 0; stream.hasRemaining(); i++) {
            int length = Math.min(pieces.get(i % pieces.size()), stream.remaining());
            ByteBuffer piece = stream.slice(stream.position(), length);
            stream.position(stream.position() + length);
            while (piece.hasRemaining()) {
              decoder.decode(piece).ifPresent(decoded::add);
            }
          }
          assertThat(decoded).isEqualTo(messages);
        });
  }

  @Test
  void endsEachStringWithNul() {
    assertThat(StoreMessage.nulTerminated("/a", "", "token")).isEqualTo("/a\0\0token\0");
    assertThat(new StoreMessage(0, 0, 0, StoreMessage.nulTerminated("/a", "token")).strings())
        .containsExactly("/a", "token");
  }

  @Test
  void namesTheErrorOfARefusal() {
    StoreException refusal = new StoreException("write", "/a", "EACCES");
    assertThat(refusal.error()).isEqualTo("EACCES");
    assertThat(refusal).hasMessage("write /a: EACCES");
  }

  @Test
  void refusesAPayloadLongerThanTheProtocolAllows() {
    for (int length : new int[] {4097, Integer.MAX_VALUE, Integer.MIN_VALUE, -1}) {
      ByteBuffer header = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
      header.putInt(12, length);
      assertThatThrownBy(() -> new StoreMessage.Decoder().decode(header))
          .isInstanceOf(StoreException.class);
    }
    assertThatThrownBy(() -> new StoreMessage(1, 1, 0, "x".repeat(4097)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new StoreMessage(1, 1, 0, "€"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void takesTheLongestPayload() throws StoreException {
    StoreMessage longest = payload("\u00ff".repeat(4096));

    assertThat(new StoreMessage.Decoder().decode(longest.encode())).contains(longest);
  }

  @Test
  void cutsAPayloadIntoItsStrings() {
    assertThat(payload("").strings()).isEmpty();
    assertThat(payload("a\0bc\0").strings()).containsExactly("a", "bc");
    assertThat(payload("a\0bc").strings()).containsExactly("a", "bc");
    assertThat(payload("\0\0").strings()).containsExactly("", "");
  }

  @Test
  void numbersTheOperationsAsTheHeaderDoes() {
    assertThat(StoreOperation.of(0)).contains(StoreOperation.CONTROL);
    assertThat(StoreOperation.of(16)).contains(StoreOperation.ERROR);
    assertThat(StoreOperation.of(20)).isEmpty();
    assertThat(StoreOperation.of(22)).contains(StoreOperation.DIRECTORY_PART);
    assertThat(StoreOperation.of(26)).contains(StoreOperation.SET_QUOTA);
    assertThat(StoreOperation.of(0xffff)).isEmpty();
  }

  private static StoreMessage payload(String payload) {
    return new StoreMessage(0, 0, 0, payload);
  }

  private static String hex(ByteBuffer octets) {
    byte[] copy = new byte[octets.remaining()];
    octets.get(copy);
    return HexFormat.of().formatHex(copy);
  }
}
