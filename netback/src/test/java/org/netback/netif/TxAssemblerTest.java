package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.packet.ChecksumState;
import org.netback.packet.GsoType;
import org.netback.properties.Property;
import org.netback.properties.Sample;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.ring.RingMessage;

final class TxAssemblerTest {
  private static final int MORE = TxRequest.MORE_DATA;
  private static final int EXTRA = TxRequest.EXTRA_INFO;
  private static final ExtraInfo GSO = new ExtraInfo.Gso(0, 1448, ExtraInfo.GSO_TYPE_TCPV4, 0);

  private final TxAssembler assembler = new TxAssembler(256);
  private final int[] slotWords = new int[TxRequest.SIZE / Integer.BYTES];
  private final MemorySegment slot = MemorySegment.ofArray(slotWords);
  private final List<RingMessage> slots = new ArrayList<>();

  private static TxRequest data(int id, int offset, int size, int flags) {
    return new TxRequest(1000 + id, offset, flags, id, size);
  }

  private static TxRequest data(int id, int size, int flags) {
    return data(id, 0, size, flags);
  }

  private TxOutcome assemble(RingMessage... messages) {
    slots.addAll(List.of(messages));
    return assemble();
  }

  /// Hands over the slots as long as more are wanted; what is left belongs to the next packet.
  private TxOutcome assemble() {
    assembler.begin(slots.size());
    int taken = 0;
    do {
      slots.get(taken++).writeTo(slot);
      assembler.accept(slotWords, 0);
    } while (assembler.wantsSlot());
    assertThat(assembler.slotCount()).isEqualTo(taken);
    slots.subList(0, taken).clear();
    return assembler.outcome();
  }

  private void dataSlots(int count, int total, int size) {
    for (int i = 0; i < count; i++) {
      slots.add(data(i, i == 0 ? total : size, i == count - 1 ? 0 : MORE));
    }
  }

  @Test
  void assemblesAPacketOfOneSlot() {
    assertThat(assemble(data(7, 100, 60, 0))).isEqualTo(TxOutcome.PACKET);
    assertThat(assembler.total()).isEqualTo(60);
    assertThat(assembler.fragmentCount()).isEqualTo(1);
    assertThat(assembler.gref(0)).isEqualTo(1007);
    assertThat(assembler.offset(0)).isEqualTo(100);
    assertThat(assembler.length(0)).isEqualTo(60);
    assertThat(assembler.id(0)).isEqualTo(7);
    assertThat(assembler.checksum()).isEqualTo(ChecksumState.COMPLETE);
    assertThat(assembler.gso()).isEqualTo(GsoType.NONE);
  }

  @Test
  void takesTheFirstFragmentsLengthFromWhatTheOthersLeave() {
    assertThat(assemble(data(1, 3000, MORE), data(2, 1000, MORE), data(3, 500, 0)))
        .isEqualTo(TxOutcome.PACKET);
    assertThat(assembler.total()).isEqualTo(3000);
    assertThat(assembler.length(0)).isEqualTo(1500);
    assertThat(assembler.length(1)).isEqualTo(1000);
    assertThat(assembler.length(2)).isEqualTo(500);
  }

  @Test
  void findsExtrasBetweenTheFirstFragmentAndTheRest() {
    assertThat(
            assemble(
                data(1, 3000, MORE | EXTRA | TxRequest.CSUM_BLANK | TxRequest.DATA_VALIDATED),
                new ExtraInfo.Gso(ExtraInfo.FLAG_MORE, 1448, ExtraInfo.GSO_TYPE_TCPV6, 0),
                new ExtraInfo.Hash(0, 3, 0, 0xdeadbeef),
                data(2, 1000, 0)))
        .isEqualTo(TxOutcome.PACKET);
    assertThat(assembler.gso()).isEqualTo(GsoType.TCPV6);
    assertThat(assembler.gsoSize()).isEqualTo(1448);
    assertThat(assembler.checksum()).isEqualTo(ChecksumState.BLANK);
    assertThat(assembler.fragmentCount()).isEqualTo(2);
    assertThat(assembler.slotOf(1)).isEqualTo(3);
    assertThat(assembler.isExtra(0)).isFalse();
    assertThat(assembler.isExtra(1)).isTrue();
    assertThat(assembler.isExtra(2)).isTrue();
    assertThat(assembler.isExtra(3)).isFalse();
  }

  @Test
  void readsTheFlagsInTheOrderOfTheTxRing() {
    assemble(data(1, 60, TxRequest.DATA_VALIDATED));
    assertThat(assembler.checksum()).isEqualTo(ChecksumState.VALIDATED);
    assemble(data(1, 60, 1));
    assertThat(assembler.checksum()).isEqualTo(ChecksumState.BLANK);
  }

  @Test
  void takesTheLastOfTwoExtrasOfOneType() {
    assertThat(
            assemble(
                data(1, 60, EXTRA),
                new ExtraInfo.Gso(ExtraInfo.FLAG_MORE, 0, 77, 0),
                new ExtraInfo.Gso(0, 500, ExtraInfo.GSO_TYPE_TCPV4, 0xffff)))
        .isEqualTo(TxOutcome.PACKET);
    assertThat(assembler.gsoSize()).isEqualTo(500);
  }

  @Test
  void forgetsThePacketBefore() {
    assemble(data(1, 60, EXTRA), GSO);
    assemble(data(2, 60, 0));
    assertThat(assembler.gso()).isEqualTo(GsoType.NONE);
    assertThat(assembler.gsoSize()).isZero();
    assertThat(assembler.isExtra(0)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 18, 19})
  void acceptsUpTo19SlotsOfData(int count) {
    dataSlots(count, 14 + 10 * (count - 1), 10);
    assertThat(assemble()).isEqualTo(TxOutcome.PACKET);
    assertThat(assembler.fragmentCount()).isEqualTo(count);
  }

  @ParameterizedTest
  @ValueSource(ints = {20, 21})
  void dropsPacketsOf20And21SlotsOfData(int count) {
    dataSlots(count, 14 + 10 * (count - 1), 10);
    assertThat(assemble()).isEqualTo(TxOutcome.TOO_MANY_SLOTS);
    assertThat(assembler.slotCount()).isEqualTo(count);
    assertThat(assembler.id(count - 1)).isEqualTo(count - 1);
  }

  @ParameterizedTest
  @ValueSource(ints = {22, 100})
  void givesUpAt22SlotsOfData(int count) {
    dataSlots(count, 14 + 10 * (count - 1), 10);
    assertThat(assemble()).isEqualTo(TxOutcome.FAR_TOO_MANY_SLOTS);
    assertThat(assembler.slotCount()).isEqualTo(22);
  }

  @Test
  void dropsAPacketWhoseFragmentsAreLongerThanItIs() {
    assertThat(assemble(data(1, 100, MORE), data(2, 60, MORE), data(3, 60, MORE), data(4, 1, 0)))
        .isEqualTo(TxOutcome.FRAGMENTS_EXCEED_TOTAL);
    assertThat(assembler.slotCount()).isEqualTo(4);
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "13, 0", "100, 87", "100, 100"})
  void dropsAPacketWhoseFirstFragmentHasNoWholeEthernetHeader(int total, int second) {
    slots.add(data(1, total, MORE));
    slots.add(data(2, second, 0));
    assertThat(assemble()).isEqualTo(TxOutcome.FIRST_FRAGMENT_TOO_SHORT);
  }

  @ParameterizedTest
  @CsvSource({"4095, 2", "4096, 1", "0, 4097", "65535, 65535", "65535, 0", "4097, 0"})
  void givesUpAtAFragmentThatCrossesItsPage(int offset, int size) {
    assertThat(assemble(data(1, 65535, MORE), data(2, offset, size, MORE), data(3, 1, 0)))
        .isEqualTo(TxOutcome.FRAGMENT_CROSSES_PAGE);
  }

  @Test
  void givesUpAtAFirstFragmentThatCrossesItsPage() {
    assertThat(assemble(data(1, 4090, 60, 0))).isEqualTo(TxOutcome.FRAGMENT_CROSSES_PAGE);
    assertThat(assemble(data(1, 65535, 0))).isEqualTo(TxOutcome.FRAGMENT_CROSSES_PAGE);
  }

  @Test
  void acceptsFragmentsThatEndWithTheirPage() {
    assertThat(assemble(data(1, 4036, 61, MORE), data(2, 4095, 1, 0))).isEqualTo(TxOutcome.PACKET);
  }

  @Test
  void acceptsTheLongestPacket() {
    dataSlots(16, 65535, 4096);
    assertThat(assemble()).isEqualTo(TxOutcome.PACKET);
    assertThat(assembler.length(0)).isEqualTo(4095);
  }

  @Test
  void listsFragmentsWithoutOctets() {
    assertThat(assemble(data(1, 60, MORE), data(2, 0, MORE), data(3, 20, MORE), data(4, 0, 0)))
        .isEqualTo(TxOutcome.PACKET);
    assertThat(assembler.fragmentCount()).isEqualTo(4);
    assertThat(assembler.length(1)).isZero();
    assertThat(assembler.length(3)).isZero();
    assertThat(assembler.length(0)).isEqualTo(40);
  }

  @Test
  void givesUpWhenTheAnnouncedExtraIsNotThere() {
    assertThat(assemble(data(1, 60, EXTRA))).isEqualTo(TxOutcome.EXTRA_MISSING);
    assertThat(
            assemble(
                data(1, 60, EXTRA),
                new ExtraInfo.Gso(ExtraInfo.FLAG_MORE, 1448, ExtraInfo.GSO_TYPE_TCPV4, 0)))
        .isEqualTo(TxOutcome.EXTRA_MISSING);
  }

  @Test
  void givesUpWhenTheAnnouncedDataIsNotThere() {
    assertThat(assemble(data(1, 60, MORE))).isEqualTo(TxOutcome.DATA_MISSING);
    assertThat(assemble(data(1, 60, EXTRA | MORE), GSO)).isEqualTo(TxOutcome.DATA_MISSING);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 5, 6, 255})
  void givesUpAtAnExtraOfUnknownType(int type) {
    assertThat(assemble(data(1, 60, EXTRA), new ExtraInfo.Unknown(type, 0, 0)))
        .isEqualTo(TxOutcome.EXTRA_UNKNOWN);
  }

  @ParameterizedTest
  @CsvSource({"0, 1, GSO_SIZE_ZERO", "1448, 0, GSO_TYPE_UNKNOWN", "1448, 3, GSO_TYPE_UNKNOWN"})
  void givesUpAtNonsensicalSegmentation(int size, int type, TxOutcome outcome) {
    assertThat(assemble(data(1, 60, EXTRA), new ExtraInfo.Gso(0, size, type, 0)))
        .isEqualTo(outcome);
  }

  @Test
  void takesAMulticastRequestForWhatItIs() {
    assertThat(
            assemble(
                new TxRequest(0, 0, EXTRA, 9, 0), new ExtraInfo.McastAdd(0, 0x0100_5e00_0001L)))
        .isEqualTo(TxOutcome.MULTICAST_ADD);
    assertThat(assembler.slotCount()).isEqualTo(2);
    assertThat(assembler.isExtra(1)).isTrue();
    assertThat(
            assemble(
                new TxRequest(0, 0, EXTRA, 9, 0), new ExtraInfo.McastDel(0, 0x0100_5e00_0001L)))
        .isEqualTo(TxOutcome.MULTICAST_DEL);
  }

  @Test
  void takesTheDataOfAMulticastRequestAlong() {
    assertThat(
            assemble(
                new TxRequest(0, 9999, EXTRA | MORE, 9, 0),
                new ExtraInfo.McastAdd(0, 0x0100_5e00_0001L),
                data(2, 60000, 60000, MORE),
                data(3, 5, 0),
                data(4, 60, 0)))
        .isEqualTo(TxOutcome.MULTICAST_ADD);
    assertThat(assembler.slotCount()).isEqualTo(4);
    assertThat(assemble()).isEqualTo(TxOutcome.PACKET);
  }

  @Test
  void boundsTheDataOfAMulticastRequest() {
    slots.add(new TxRequest(0, 0, EXTRA | MORE, 9, 0));
    slots.add(new ExtraInfo.McastAdd(0, 1));
    for (int i = 0; i < 100; i++) {
      slots.add(data(i, 0, MORE));
    }
    assertThat(assemble()).isEqualTo(TxOutcome.FAR_TOO_MANY_SLOTS);
  }

  @Test
  void listsAChainOfExtrasAsLongAsTheRing() {
    slots.add(data(1, 60, EXTRA));
    for (int i = 1; i < 256; i++) {
      slots.add(new ExtraInfo.Hash(i == 255 ? 0 : ExtraInfo.FLAG_MORE, 0, 0, i));
    }
    assertThat(assemble()).isEqualTo(TxOutcome.PACKET);
    assertThat(assembler.slotCount()).isEqualTo(256);
  }

  @Test
  void refusesToBeMisused() {
    assertThatThrownBy(() -> assembler.begin(0)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> assembler.begin(257)).isInstanceOf(IllegalArgumentException.class);
    assemble(data(1, 60, 0));
    assertThatThrownBy(() -> assembler.accept(slotWords, 0))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void neverThrowsAndListsEverySlot() {
    Property.holds(
        20_000,
        sample -> {
          int given = sample.between(1, 256);
          int[] ids = new int[given];
          int[] heads = new int[given];
          int taken = 0;
          assembler.begin(given);
          do {
            fill(sample, taken);
            heads[taken] = slot.get(ValueLayout.JAVA_SHORT, 0) & 0xffff;
            ids[taken++] = TxRequest.id(slot);
            assembler.accept(slotWords, 0);
          } while (assembler.wantsSlot());
          judge(taken, given, ids, heads);
        });
  }

  /// What is taken without being put together is what would have come out.
  @Test
  void plainIsAPacketOfOneSlot() {
    Property.holds(
        20_000,
        sample -> {
          int gref = sample.anyInt();
          int offset = sample.between(0, 0xffff);
          int flags = sample.between(0, 0xffff);
          int size = sample.between(0, 0xffff);
          int shift = sample.between(0, 15);
          new TxRequest(gref, offset >>> shift, flags & 0xf >>> shift, 7, size >>> shift)
              .writeTo(slot);
          boolean plain = TxAssembler.isPlain(slotWords, 0);
          assembler.begin(1);
          assembler.accept(slotWords, 0);
          assertThat(plain).isEqualTo(assembler.outcome() == TxOutcome.PACKET);
          if (plain) {
            assertThat(assembler.wantsSlot()).isFalse();
            assertThat(assembler.fragmentCount()).isEqualTo(1);
            assertThat(assembler.gref(0)).isEqualTo(gref);
            assertThat(assembler.offset(0)).isEqualTo(offset >>> shift);
            assertThat(assembler.length(0)).isEqualTo(size >>> shift);
            assertThat(assembler.total()).isEqualTo(size >>> shift);
            assertThat(assembler.checksum()).isEqualTo(TxAssembler.checksum(flags & 0xf >>> shift));
            assertThat(assembler.gso()).isEqualTo(GsoType.NONE);
          }
        });
  }

  /// Random words are nearly always fatal at once, so most bits that decide are made likely.
  private void fill(Sample sample, int at) {
    int first = sample.anyInt();
    int second = sample.anyInt();
    int third = sample.anyInt();
    int flags = first & 3 | ((first & 0x70) != 0 ? MORE : 0) | (at == 0 ? first & EXTRA : 0);
    int size = (second & 0xffff) >>> (second >>> 28);
    int offset = (third & 0xffff) >>> (third >>> 28);
    if ((first & 0xf_0000) == 0) {
      new TxRequest(first, second & 0xffff, first & 0xffff, first >>> 16, 0xffff).writeTo(slot);
    } else if ((first & 0x700) == 0) {
      new ExtraInfo.Unknown(first >>> 28 & 7, first >>> 24 & 1, second).writeTo(slot);
    } else {
      new TxRequest(first, offset, flags, first >>> 16, size).writeTo(slot);
    }
  }

  private void judge(int taken, int given, int[] ids, int[] heads) {
    assertThat(assembler.slotCount()).isEqualTo(taken).isLessThanOrEqualTo(given);
    for (int i = 0; i < taken; i++) {
      assertThat(assembler.id(i)).isEqualTo(assembler.isExtra(i) ? heads[i] : ids[i]);
    }
    if (assembler.outcome() == TxOutcome.PACKET) {
      int sum = 0;
      int last = -1;
      for (int i = 0; i < assembler.fragmentCount(); i++) {
        assertThat(assembler.length(i)).isBetween(i == 0 ? 14 : 0, 4096);
        assertThat(assembler.offset(i) + assembler.length(i)).isLessThanOrEqualTo(4096);
        assertThat(assembler.slotOf(i)).isGreaterThan(last).isLessThan(taken);
        last = assembler.slotOf(i);
        assertThat(assembler.isExtra(last)).isFalse();
        sum += assembler.length(i);
      }
      assertThat(sum).isEqualTo(assembler.total()).isLessThanOrEqualTo(0xffff);
    }
  }
}
