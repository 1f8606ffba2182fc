package org.netback.xen.ring;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.netback.properties.Property;
import org.netback.properties.Sample;

/// Both ends as drivers use them: they work while there is work, look a last time, sleep, and run
/// again only when notified.
class RingConversationTest {
  private static final int SLOT = 12;

  @Test
  void neverLosesAMessageOrAWakeUp() {
    Property.holds(500, RingConversationTest::converse);
  }

  private static void converse(Sample sample) throws RingViolation {
    int start = sample.anyInt();
    // Each number is one act: who, and how much.
    List<Integer> acts = sample.list(1, 200, () -> sample.between(0, 2047));
    MemorySegment page = Arena.ofAuto().allocate(4096, 4096);
    FrontRing front = FrontRing.initialiseAt(page, SLOT, start);
    BackRing back = BackRing.attach(page, SLOT);
    boolean frontAwake = true;
    boolean backAwake = true;
    int asked = 0;
    int consumed = 0;
    int responded = 0;
    int heard = 0;
    for (int act : acts) {
      int amount = act >> 3;
      switch (act & 7) {
        case 0, 1, 2 -> {
          // A guest may transmit whether or not its response handler sleeps.
          for (int i = 0; i < amount && front.freeRequests() > 0; i++) {
            front.putRequest(new Word(asked++));
          }
          backAwake |= front.push();
        }
        case 3, 4 -> {
          if (backAwake) {
            int waiting = back.unconsumedRequests();
            for (int i = 0; i < Math.min(amount, waiting); i++) {
              assertThat(Word.read(back.copyRequest())).isEqualTo(consumed++);
            }
            backAwake = back.finalCheck();
          }
        }
        case 5 -> {
          for (int i = 0; i < amount && responded < consumed; i++) {
            back.putResponse(new Word(~responded++));
          }
          frontAwake |= back.push();
        }
        default -> {
          if (frontAwake) {
            int waiting = front.unconsumedResponses();
            for (int i = 0; i < Math.min(amount, waiting); i++) {
              assertThat(Word.read(front.copyResponse())).isEqualTo(~heard++);
            }
            frontAwake = front.finalCheck();
          }
        }
      }
    }
    // Whoever sleeps now sleeps until notified: if that loses nothing, all gets through.
    backAwake |= front.push();
    if (backAwake) {
      for (int waiting = back.unconsumedRequests(); waiting > 0; waiting--) {
        assertThat(Word.read(back.copyRequest())).isEqualTo(consumed++);
      }
    }
    while (responded < consumed) {
      back.putResponse(new Word(~responded++));
    }
    frontAwake |= back.push();
    if (frontAwake) {
      for (int waiting = front.unconsumedResponses(); waiting > 0; waiting--) {
        assertThat(Word.read(front.copyResponse())).isEqualTo(~heard++);
      }
    }
    assertThat(consumed).isEqualTo(asked);
    assertThat(heard).isEqualTo(asked);
  }
}
