package org.netback.properties;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.fail;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

class PropertyTest {
  private final String given = System.getProperty(Property.SEED, "");

  @AfterEach
  void forgetTheSeed() {
    if (given.isEmpty()) {
      System.clearProperty(Property.SEED);
    } else {
      System.setProperty(Property.SEED, given);
    }
  }

  private static AssertionError falsify(int tries, Property.Body body) {
    return catchThrowableOfType(AssertionError.class, () -> Property.holds(tries, body));
  }

  private static String sample(AssertionError error) {
    Matcher line = Pattern.compile("sample: (.*)").matcher(error.getMessage());
    assertThat(line.find()).isTrue();
    return line.group(1);
  }

  @Test
  void triesAPropertyThatHoldsAsOftenAsAsked() {
    List<Integer> tries = new ArrayList<>();
    Property.holds(321, sample -> tries.add(sample.anyInt()));
    assertThat(tries).hasSize(321);
    assertThat(new HashSet<>(tries)).hasSizeGreaterThan(100);
  }

  @Test
  void refusesAPropertyThatIsNeverTried() {
    assertThatThrownBy(() -> Property.holds(0, sample -> {}))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void theSeedOfAFailureRepeatsIt() {
    List<String> samples = new ArrayList<>();
    Property.Body wrong =
        sample -> {
          int sum = 0;
          for (byte octet : sample.octets(0, 50)) {
            sum += octet & 0xff;
          }
          List<Long> longs = sample.list(0, 3, sample::anyLong);
          String text = sample.text(5, "");
          samples.add(sample.toString());
          assertThat(sum + longs.size() + text.length()).isLessThan(3000);
        };
    AssertionError first = falsify(10_000, wrong);
    List<String> samplesOfTheFirst = List.copyOf(samples);
    samples.clear();
    Matcher seed = Pattern.compile("-D(property\\.seed)=(-?\\d+) ").matcher(first.getMessage());
    assertThat(seed.find()).isTrue();
    System.setProperty(seed.group(1), seed.group(2));
    AssertionError second = falsify(10_000, wrong);
    assertThat(samples).isEqualTo(samplesOfTheFirst);
    assertThat(second).hasMessage(first.getMessage());
    assertThat(second.getCause()).isInstanceOf(AssertionError.class);
  }

  @Test
  void drawsOtherSamplesInAnotherRun() {
    System.clearProperty(Property.SEED);
    Set<Long> first = new HashSet<>();
    Property.holds(50, sample -> first.add(sample.anyLong()));
    Property.holds(50, sample -> assertThat(first).doesNotContain(sample.anyLong()));
  }

  @RepeatedTest(20)
  void makesValuesSmaller() {
    assertThat(sample(falsify(1000, s -> assertThat(s.between(-500, 500)).isLessThan(38))))
        .isEqualTo("[38]");
    assertThat(sample(falsify(1000, s -> assertThat(s.between(-500, 500)).isGreaterThan(-5))))
        .isEqualTo("[-5]");
    assertThat(sample(falsify(1000, s -> assertThat(s.between(20, 500)).isLessThan(20))))
        .isEqualTo("[20]");
    assertThat(
            sample(falsify(1000, s -> assertThat(s.anyInt() > 99 && s.anyLong() < -7).isFalse())))
        .isEqualTo("[100, -8]");
    assertThat(sample(falsify(1000, s -> assertThat(s.oneOf("a", "b", "c")).isEqualTo("a"))))
        .isEqualTo("[b]");
  }

  @RepeatedTest(20)
  void makesListsShorter() {
    assertThat(sample(falsify(1000, s -> assertThat(s.octets(0, 200)).doesNotContain(0x55))))
        .isEqualTo("[octets 55]");
    assertThat(
            sample(
                falsify(
                    1000,
                    s -> {
                      int limit = s.between(5, 9);
                      List<Integer> list = s.list(0, 80, () -> s.between(0, 1000));
                      assertThat(list).noneMatch(value -> value > limit);
                    })))
        .isEqualTo("[5, [6]]");
    assertThat(sample(falsify(1000, s -> assertThat(s.list(3, 80, s::anyInt)).isEmpty())))
        .isEqualTo("[[0, 0, 0]]");
    assertThat(sample(falsify(1000, s -> assertThat(s.text(40, "xyz")).doesNotContain("z"))))
        .isEqualTo("[\"z\"]");
  }

  /// A smaller sample that fails in another way is another fault.
  @Test
  void keepsToTheKindOfFailure() {
    AssertionError error =
        falsify(
            1000,
            sample -> {
              int value = sample.between(0, 100);
              if (value > 50) {
                throw new IllegalStateException("over 50");
              }
              if (value > 20) {
                throw new IllegalArgumentException("over 20");
              }
            });
    String smallest = error.getCause() instanceof IllegalStateException ? "[51]" : "[21]";
    assertThat(sample(error)).isEqualTo(smallest);
  }

  @Test
  void endsThoughShrinkingNeverWould() {
    assertThat(falsify(1, sample -> fail("always " + sample.octets(5000, 5000).length)))
        .hasMessageContaining("always 5000");
  }

  @Test
  void keepsItsBoundsAndReachesThem() {
    Set<Integer> values = new HashSet<>();
    Set<Integer> lengths = new HashSet<>();
    Set<Integer> sizes = new HashSet<>();
    Set<Byte> octets = new HashSet<>();
    Property.holds(
        5000,
        sample -> {
          int value = sample.between(-70_000, 300);
          assertThat(value).isBetween(-70_000, 300);
          values.add(value);
          byte[] some = sample.octets(2, 30);
          assertThat(some).hasSizeBetween(2, 30);
          lengths.add(some.length);
          octets.add(some[0]);
          List<String> list = sample.list(1, 4, () -> sample.text(3, "ab"));
          assertThat(list).hasSizeBetween(1, 4).allMatch(text -> text.matches("[ab]{0,3}"));
          sizes.add(list.size());
        });
    assertThat(values).contains(-70_000, -69_999, -1, 0, 1, 299, 300).hasSizeGreaterThan(2000);
    assertThat(lengths).hasSize(29);
    assertThat(octets).hasSizeGreaterThan(200);
    assertThat(sizes).containsExactlyInAnyOrder(1, 2, 3, 4);
  }

  @Test
  void octetsAreAtTimesAllTheSame() {
    List<Integer> all = new ArrayList<>();
    Property.holds(
        2000,
        sample -> {
          byte[] octets = sample.octets(20, 20);
          boolean same = true;
          for (byte octet : octets) {
            same &= octet == octets[0];
          }
          if (same) {
            all.add((int) octets[0]);
          }
        });
    assertThat(all).hasSizeBetween(50, 250).contains(0, -1);
  }
}
