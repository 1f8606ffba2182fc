package org.netback.xen.bus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FrontendKeysTest {
  @ParameterizedTest
  @ValueSource(
      strings = {"", "-1", "+1", "1x", "0x1", " 1", "1 ", "٣", "99999999999", "4", "0", "1\0"})
  void refusesWhatIsNoNumberInItsRange(String text) {
    FrontendKeys keys = new FrontendKeys("/f", Map.of("n", text));

    assertThatThrownBy(() -> keys.number("n", 1, 3))
        .isInstanceOf(DeviceException.class)
        .hasMessageStartingWith("/f/n ");
  }

  /// The bounds belong to the range. The largest reference that there is has ten digits.
  @ParameterizedTest
  @CsvSource({"1, 1", "3, 3", "4294967295, 4294967295", "0123456789, 123456789", "007, 7"})
  void takesDecimalNumbers(String text, long number) throws DeviceException {
    FrontendKeys keys = new FrontendKeys("/f", Map.of("n", text));

    assertThat(keys.number("n", 1, 4_294_967_295L)).isEqualTo(number);
    assertThat(keys.number("n", number, number)).isEqualTo(number);
    assertThat(keys.text("n")).contains(text);
    assertThat(keys.text("absent")).isEmpty();
  }

  @Test
  void namesTheKeyThatIsMissing() {
    FrontendKeys keys = new FrontendKeys("/f", Map.of());

    assertThatThrownBy(() -> keys.number("n", 1, 3))
        .isInstanceOf(DeviceException.class)
        .hasMessage("/f/n is missing");
  }

  @Test
  void doesNotRepeatAGuestsTextInItsMessages() {
    FrontendKeys keys = new FrontendKeys("/f", Map.of("n", "9".repeat(4096)));

    assertThatThrownBy(() -> keys.number("n", 1, 3))
        .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(100));
  }

  @Test
  void readsFlagsWithTheirDefaults() throws DeviceException {
    FrontendKeys keys = new FrontendKeys("/f", Map.of("on", "1", "off", "0", "two", "2"));

    assertThat(keys.flag("on", false)).isTrue();
    assertThat(keys.flag("off", true)).isFalse();
    assertThat(keys.flag("two", false)).isTrue();
    assertThat(keys.flag("absent", true)).isTrue();
    assertThat(keys.flag("absent", false)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "9", "44", "-4", " 4", "4\0", "x", "Connected"})
  void takesAHostileStateForUnknown(String text) {
    assertThat(XenbusState.parse(text)).isEqualTo(XenbusState.UNKNOWN);
  }
}
