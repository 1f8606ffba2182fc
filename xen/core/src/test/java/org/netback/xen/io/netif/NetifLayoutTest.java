package org.netback.xen.io.netif;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.netback.xen.ring.RingMessage;

/// The records against the layout that gcc gives the structs.
class NetifLayoutTest {
  private static final int SLOT = 16;

  /// A line of layouts.csv: where a field lies in a struct as compiled for an ABI.
  private record Field(String abi, String struct, String name, int offset, int size) {
    String key() {
      return struct + '.' + name + '@' + offset;
    }
  }

  /// Writes a struct with nothing but zeroes in one field, and with nothing but ones.
  private record Component(Consumer<MemorySegment> zero, Consumer<MemorySegment> ones) {}

  private static final Map<String, Component> COMPONENTS =
      Map.ofEntries(
          entry("netif_tx_request.gref@0", tx(0, 0, 0, 0, 0), tx(-1, 0, 0, 0, 0)),
          entry("netif_tx_request.offset@4", tx(0, 0, 0, 0, 0), tx(0, 0xffff, 0, 0, 0)),
          entry("netif_tx_request.flags@6", tx(0, 0, 0, 0, 0), tx(0, 0, 0xffff, 0, 0)),
          entry("netif_tx_request.id@8", tx(0, 0, 0, 0, 0), tx(0, 0, 0, 0xffff, 0)),
          entry("netif_tx_request.size@10", tx(0, 0, 0, 0, 0), tx(0, 0, 0, 0, 0xffff)),
          entry("netif_tx_response.id@0", txr(0, 0), txr(0xffff, 0)),
          entry("netif_tx_response.status@2", txr(0, 0), txr(0, -1)),
          entry("netif_rx_request.id@0", rx(0, 0), rx(0xffff, 0)),
          entry("netif_rx_request.gref@4", rx(0, 0), rx(0, -1)),
          entry("netif_rx_response.id@0", rxr(0, 0, 0, 0), rxr(0xffff, 0, 0, 0)),
          entry("netif_rx_response.offset@2", rxr(0, 0, 0, 0), rxr(0, 0xffff, 0, 0)),
          entry("netif_rx_response.flags@4", rxr(0, 0, 0, 0), rxr(0, 0, 0xffff, 0)),
          entry("netif_rx_response.status@6", rxr(0, 0, 0, 0), rxr(0, 0, 0, -1)),
          entry("netif_extra_info.type@0", unknown(0, 0, 0), unknown(0xff, 0, 0)),
          entry("netif_extra_info.flags@1", unknown(0, 0, 0), unknown(0, 0xff, 0)),
          entry("netif_extra_info.u@2", unknown(0, 0, 0), unknown(0, 0, 0xffff_ffff_ffffL)),
          entry("netif_extra_info.size@2", gso(0, 0, 0), gso(0xffff, 0, 0)),
          entry("netif_extra_info.type@4", gso(0, 0, 0), gso(0, 0xff, 0)),
          entry("netif_extra_info.features@6", gso(0, 0, 0), gso(0, 0, 0xffff)),
          entry(
              "netif_extra_info.addr[6]@2",
              new ExtraInfo.McastAdd(0, 0)::writeTo,
              new ExtraInfo.McastAdd(0, 0xffff_ffff_ffffL)::writeTo),
          entry(
              "netif_extra_info.mcast@2",
              new ExtraInfo.McastDel(0, 0)::writeTo,
              new ExtraInfo.McastDel(0, 0xffff_ffff_ffffL)::writeTo),
          entry("netif_extra_info.type@2", hash(0, 0, 0), hash(0xff, 0, 0)),
          entry("netif_extra_info.algorithm@3", hash(0, 0, 0), hash(0, 0xff, 0)),
          entry("netif_extra_info.value[4]@4", hash(0, 0, 0), hash(0, 0, -1)),
          entry("netif_extra_info.hash@2", hash(0, 0, 0), hash(0xff, 0xff, -1)),
          entry("xen_netif_ctrl_request.id@0", ctrl(0, 0, 0), ctrl(0xffff, 0, 0)),
          entry("xen_netif_ctrl_request.type@2", ctrl(0, 0, 0), ctrl(0, 0xffff, 0)),
          entry("xen_netif_ctrl_request.data[3]@4", ctrl(0, 0, 0), ctrl(0, 0, -1)),
          entry("xen_netif_ctrl_response.id@0", ctrlr(0, 0, 0, 0), ctrlr(0xffff, 0, 0, 0)),
          entry("xen_netif_ctrl_response.type@2", ctrlr(0, 0, 0, 0), ctrlr(0, 0xffff, 0, 0)),
          entry("xen_netif_ctrl_response.status@4", ctrlr(0, 0, 0, 0), ctrlr(0, 0, -1, 0)),
          entry("xen_netif_ctrl_response.data@8", ctrlr(0, 0, 0, 0), ctrlr(0, 0, 0, -1)),
          entry("xen_netif_gref.ref@0", gref(0, 0, 0), gref(-1, 0, 0)),
          entry("xen_netif_gref.flags@4", gref(0, 0, 0), gref(0, 0xffff, 0)),
          entry("xen_netif_gref.status@6", gref(0, 0, 0), gref(0, 0, 0xffff)));

  /// Fields that no record has: padding, which is written as zero, and the union's arm that gives
  /// it its size.
  private static final Set<String> NOT_RENDERED =
      Set.of(
          "netif_rx_request.pad@2",
          "netif_extra_info.pad@5",
          "netif_extra_info.pad[3]@2",
          "netif_extra_info.gso@2");

  @Test
  void aComponentOfOnesTurnsExactlyItsOctets() throws IOException {
    int judged = 0;
    for (Field field : fields()) {
      Component component = COMPONENTS.get(field.key());
      if (component == null) {
        continue;
      }
      byte[] zero = written(component.zero());
      byte[] ones = written(component.ones());
      for (int i = 0; i < SLOT; i++) {
        boolean within = i >= field.offset() && i < field.offset() + field.size();
        assertThat(ones[i]).as("%s octet %d", field, i).isEqualTo(within ? (byte) -1 : zero[i]);
        assertThat(within && zero[i] != 0).as("%s octet %d", field, i).isFalse();
      }
      judged++;
    }
    assertThat(judged).isEqualTo(2 * COMPONENTS.size());
  }

  @Test
  void rendersEveryFieldOfEveryStruct() throws IOException {
    Set<String> compiled =
        fields().stream()
            .filter(f -> !f.name().equals("(sizeof)") && !f.struct().endsWith("_sring"))
            .map(Field::key)
            .filter(key -> !NOT_RENDERED.contains(key))
            .collect(Collectors.toSet());

    assertThat(COMPONENTS.keySet()).isEqualTo(compiled);
  }

  @Test
  void hasTheCompiledSizes() throws IOException {
    Map<String, Integer> sizes =
        Map.of(
            "netif_tx_request", TxRequest.SIZE,
            "netif_tx_response", TxResponse.SIZE,
            "netif_rx_request", RxRequest.SIZE,
            "netif_rx_response", RxResponse.SIZE,
            "netif_extra_info", ExtraInfo.SIZE,
            "xen_netif_ctrl_request", CtrlRequest.SIZE,
            "xen_netif_ctrl_response", CtrlResponse.SIZE,
            "xen_netif_gref", GrefEntry.SIZE);
    int judged = 0;
    for (Field field : fields()) {
      if (field.name().equals("(sizeof)") && sizes.containsKey(field.struct())) {
        assertThat(sizes.get(field.struct())).as("%s", field).isEqualTo(field.size());
        judged++;
      }
    }
    assertThat(judged).isEqualTo(2 * sizes.size());
  }

  @Test
  void slotsAreAsLongAsTheCompiledRingsHaveThem() throws IOException {
    Map<String, Integer> slots =
        Map.of(
            "netif_tx_sring", TxRequest.SIZE,
            "netif_rx_sring", RxRequest.SIZE,
            "xen_netif_ctrl_sring", CtrlRequest.SIZE);
    int judged = 0;
    for (Field field : fields()) {
      if (field.name().equals("ring[1]")) {
        assertThat(slots.get(field.struct())).as("%s", field).isEqualTo(field.size());
        assertThat(field.offset()).as("%s", field).isEqualTo(64);
        judged++;
      }
    }
    assertThat(judged).isEqualTo(2 * slots.size());
  }

  @Test
  void writesAndReadsGoldenOctets() {
    golden(
        new TxRequest(0x01020304, 0x0506, TxRequest.MORE_DATA | TxRequest.EXTRA_INFO, 0xabcd, 1514),
        "040302010605" + "0c00" + "cdab" + "ea05",
        TxRequest::read);
    golden(
        new TxResponse(0x0102, TxResponse.OKAY),
        "0201" + "0000" + "0000000000000000",
        TxResponse::read);
    golden(
        new TxResponse(0xfffe, TxResponse.ERROR),
        "feff" + "ffff" + "0000000000000000",
        TxResponse::read);
    golden(
        new TxResponse(0, TxResponse.DROPPED),
        "0000" + "feff" + "0000000000000000",
        TxResponse::read);
    golden(
        new TxResponse(0, TxResponse.NULL), "0000" + "0100" + "0000000000000000", TxResponse::read);
    golden(new RxRequest(0x0102, 0xfffefdfc), "0201" + "0000" + "fcfdfeff", RxRequest::read);
    golden(
        new RxResponse(7, 0, RxResponse.DATA_VALIDATED | RxResponse.CSUM_BLANK, 4096),
        "0700" + "0000" + "0300" + "0010",
        RxResponse::read);
    golden(
        new RxResponse(8, 2, 0, RxResponse.ERROR),
        "0800" + "0200" + "0000" + "ffff",
        RxResponse::read);
    golden(
        new ExtraInfo.Gso(ExtraInfo.FLAG_MORE, 1448, ExtraInfo.GSO_TYPE_TCPV6, 0),
        "0101" + "a805" + "0200" + "0000",
        ExtraInfo::read);
    golden(
        new ExtraInfo.Gso(0, 536, ExtraInfo.GSO_TYPE_TCPV4, 0x0203),
        "0100" + "1802" + "0100" + "0302",
        ExtraInfo::read);
    golden(new ExtraInfo.McastAdd(0, 0x0100_5e01_0203L), "0200" + "01005e010203", ExtraInfo::read);
    golden(new ExtraInfo.McastDel(0, 0x3333_0000_0001L), "0300" + "333300000001", ExtraInfo::read);
    golden(
        new ExtraInfo.Hash(0, 1, CtrlRequest.HASH_ALGORITHM_TOEPLITZ, 0x51ccc178),
        "0400" + "01" + "01" + "78c1cc51",
        ExtraInfo::read);
    golden(
        new ExtraInfo.Unknown(5, 0, 0x0102_0304_0506L), "0500" + "010203040506", ExtraInfo::read);
    golden(new ExtraInfo.Unknown(0, 1, 0), "0001" + "000000000000", ExtraInfo::read);
    golden(
        new CtrlRequest(1, CtrlRequest.TYPE_SET_HASH_KEY, 0x0a0b0c0d, 40, 0x80000000),
        "0100" + "0300" + "0d0c0b0a" + "28000000" + "00000080",
        CtrlRequest::read);
    golden(
        new CtrlResponse(1, 4, CtrlResponse.STATUS_BUFFER_OVERFLOW, 128),
        "0100" + "0400" + "03000000" + "80000000" + "00000000",
        CtrlResponse::read);
    MemorySegment entry = slot("00000000000000");
    new GrefEntry(0x01020304, GrefEntry.READONLY, 2).writeTo(entry);
    assertThat(hex(entry, 8)).isEqualTo("0403020101000200");
    assertThat(GrefEntry.read(entry)).isEqualTo(new GrefEntry(0x01020304, GrefEntry.READONLY, 2));
  }

  /// Bits 0 and 1 mean the opposite on either ring.
  @Test
  void namesTheFlagBitsOfEitherRing() {
    assertThat(List.of(TxRequest.CSUM_BLANK, TxRequest.DATA_VALIDATED)).containsExactly(1, 2);
    assertThat(List.of(RxResponse.CSUM_BLANK, RxResponse.DATA_VALIDATED)).containsExactly(2, 1);
  }

  @Test
  void fillsTheWholeTxSlotWithAResponse() {
    MemorySegment slot = slot("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").asSlice(0, TxRequest.SIZE);

    new TxResponse(3, TxResponse.OKAY).writeTo(slot);

    assertThat(hex(slot, 12)).isEqualTo("030000000000000000000000");
  }

  @Test
  void fillsTheWholeTxSlotWithAnExtra() {
    MemorySegment slot = slot("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").asSlice(0, TxRequest.SIZE);

    new ExtraInfo.Gso(0, 1448, ExtraInfo.GSO_TYPE_TCPV4, 0).writeTo(slot);

    assertThat(hex(slot, 12)).isEqualTo("0100a8050100000000000000");
  }

  /// The data path reads slots as words and writes responses as words.
  @Test
  void readsAndWritesWordsAsItDoesOctets() {
    SplittableRandom random = new SplittableRandom(1);
    for (int n = 0; n < 10_000; n++) {
      int[] slots = new int[9];
      for (int i = 0; i < slots.length; i++) {
        slots[i] = random.nextInt();
      }
      MemorySegment slot = MemorySegment.ofArray(slots).asSlice(12, 12);
      assertThat(TxRequest.gref(slots, 3)).isEqualTo(TxRequest.gref(slot));
      assertThat(TxRequest.offset(slots, 3)).isEqualTo(TxRequest.offset(slot));
      assertThat(TxRequest.flags(slots, 3)).isEqualTo(TxRequest.flags(slot));
      assertThat(TxRequest.id(slots, 3)).isEqualTo(TxRequest.id(slot));
      assertThat(TxRequest.size(slots, 3)).isEqualTo(TxRequest.size(slot));
      assertThat(RxRequest.id(slots, 3)).isEqualTo(RxRequest.id(slot));
      assertThat(RxRequest.gref(slots, 3)).isEqualTo(RxRequest.gref(slot));
      assertThat(ExtraInfo.type(slots, 3)).isEqualTo(ExtraInfo.type(slot));
      assertThat(ExtraInfo.flags(slots, 3)).isEqualTo(ExtraInfo.flags(slot));
      assertThat(ExtraInfo.more(slots, 3)).isEqualTo(ExtraInfo.more(slot));
      assertThat(ExtraInfo.gsoSize(slots, 3)).isEqualTo(ExtraInfo.gsoSize(slot));
      assertThat(ExtraInfo.gsoType(slots, 3)).isEqualTo(ExtraInfo.gsoType(slot));
      assertThat(ExtraInfo.mcastAddress(slots, 3)).isEqualTo(ExtraInfo.mcastAddress(slot));
      int a = random.nextInt();
      int b = random.nextInt();
      int c = random.nextInt();
      int d = random.nextInt();
      RxResponse.write(slot, a, b, c, d);
      assertThat(words(slots)).isEqualTo(RxResponse.words(a, b, c, d));
      RxResponse.write(slot, a, b, c, a);
      assertThat(words(slots)).isEqualTo(RxResponse.withStatus(RxResponse.words(a, b, c, d), a));
      ExtraInfo.writeGso(slot, a, b, c, d);
      assertThat(words(slots)).isEqualTo(ExtraInfo.gsoWords(a, b, c, d));
      ExtraInfo.writeHash(slot, a, b, c, d);
      assertThat(words(slots)).isEqualTo(ExtraInfo.hashWords(a, b, c, d));
      TxResponse.write(slot, a, b);
      assertThat(slots[3]).isEqualTo(TxResponse.word(a, b));
      assertThat(TxResponse.status(slots[3])).isEqualTo(TxResponse.status(slot));
    }
  }

  @Test
  void readsFlagsOneByOne() {
    for (int flags = 0; flags < 32; flags++) {
      RxResponse response = new RxResponse(1, 2, flags, 3);
      assertThat(response.moreData()).as("%d", flags).isEqualTo((flags & 4) != 0);
      assertThat(response.extraInfo()).as("%d", flags).isEqualTo((flags & 8) != 0);
      ExtraInfo extra = new ExtraInfo.McastAdd(flags, 1);
      assertThat(extra.more()).as("%d", flags).isEqualTo((flags & 1) != 0);
      TxRequest request = new TxRequest(1, 2, flags, 3, 4);
      assertThat(request.moreData()).as("%d", flags).isEqualTo((flags & 4) != 0);
      assertThat(request.extraInfo()).as("%d", flags).isEqualTo((flags & 8) != 0);
      assertThat(new GrefEntry(1, flags, 0).readOnly()).as("%d", flags).isEqualTo(flags % 2 != 0);
    }
  }

  /// netif.h `XEN_NETIF_EXTRA_TYPE_*`.
  @Test
  void numbersTheTypesOfExtras() {
    assertThat(
            List.of(
                new ExtraInfo.Gso(0, 1448, ExtraInfo.GSO_TYPE_TCPV4, 0),
                new ExtraInfo.McastAdd(0, 1),
                new ExtraInfo.McastDel(0, 1),
                new ExtraInfo.Hash(0, 1, 1, 0)))
        .extracting(ExtraInfo::type)
        .containsExactly(1, 2, 3, 4);
  }

  private static long words(int[] slots) {
    return slots[3] & 0xffff_ffffL | (long) slots[4] << 32;
  }

  private static <T extends RingMessage> void golden(
      T message, String hex, Function<MemorySegment, T> reader) {
    int size = hex.length() / 2;
    MemorySegment slot = slot("55".repeat(size));
    message.writeTo(slot);
    assertThat(hex(slot, size)).as("%s", message).isEqualTo(hex);
    assertThat(reader.apply(slot(hex))).isEqualTo(message);
  }

  private static byte[] written(Consumer<MemorySegment> write) {
    MemorySegment slot = Arena.ofAuto().allocate(SLOT);
    write.accept(slot);
    return slot.toArray(ValueLayout.JAVA_BYTE);
  }

  private static MemorySegment slot(String hex) {
    byte[] octets = HexFormat.of().parseHex(hex);
    MemorySegment slot = Arena.ofAuto().allocate(Math.max(8, octets.length), 8);
    MemorySegment.copy(octets, 0, slot, ValueLayout.JAVA_BYTE, 0, octets.length);
    return slot;
  }

  private static String hex(MemorySegment slot, int size) {
    return HexFormat.of().formatHex(slot.asSlice(0, size).toArray(ValueLayout.JAVA_BYTE));
  }

  private static Map.Entry<String, Component> entry(
      String key, Consumer<MemorySegment> zero, Consumer<MemorySegment> ones) {
    return Map.entry(key, new Component(zero, ones));
  }

  private static Consumer<MemorySegment> tx(int gref, int offset, int flags, int id, int size) {
    return new TxRequest(gref, offset, flags, id, size)::writeTo;
  }

  private static Consumer<MemorySegment> txr(int id, int status) {
    return new TxResponse(id, status)::writeTo;
  }

  private static Consumer<MemorySegment> rx(int id, int gref) {
    return new RxRequest(id, gref)::writeTo;
  }

  private static Consumer<MemorySegment> rxr(int id, int offset, int flags, int status) {
    return new RxResponse(id, offset, flags, status)::writeTo;
  }

  private static Consumer<MemorySegment> unknown(int type, int flags, long body) {
    return new ExtraInfo.Unknown(type, flags, body)::writeTo;
  }

  private static Consumer<MemorySegment> gso(int size, int type, int features) {
    return new ExtraInfo.Gso(0, size, type, features)::writeTo;
  }

  private static Consumer<MemorySegment> hash(int type, int algorithm, int value) {
    return new ExtraInfo.Hash(0, type, algorithm, value)::writeTo;
  }

  private static Consumer<MemorySegment> ctrl(int id, int type, int data) {
    return new CtrlRequest(id, type, data, data, data)::writeTo;
  }

  private static Consumer<MemorySegment> ctrlr(int id, int type, int status, int data) {
    return new CtrlResponse(id, type, status, data)::writeTo;
  }

  private static Consumer<MemorySegment> gref(int ref, int flags, int status) {
    return new GrefEntry(ref, flags, status)::writeTo;
  }

  private static List<Field> fields() throws IOException {
    List<Field> fields = new ArrayList<>();
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                Objects.requireNonNull(
                    NetifLayoutTest.class.getResourceAsStream("/org/netback/xen/io/layouts.csv")),
                StandardCharsets.UTF_8))) {
      lines
          .lines()
          .skip(1)
          .map(line -> line.split(",", -1))
          .map(
              f ->
                  new Field(
                      f[0],
                      f[1],
                      f[2],
                      f[3].isEmpty() ? 0 : Integer.parseInt(f[3]),
                      Integer.parseInt(f[4])))
          .filter(field -> field.struct.contains("netif"))
          .forEach(fields::add);
    }
    return fields;
  }
}
