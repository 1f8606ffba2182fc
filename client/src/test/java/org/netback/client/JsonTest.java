package org.netback.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  @Test
  void readsEveryKindOfValue() {
    Json json =
        Json.parse(" {\"a\": [1, -2.5e+3, true, false, null, \"\"],\t\"b\": {}, \"c\": [ ]\r\n} ");
    assertThat(json.at("a").items().stream().map(Json::text))
        .containsExactly("1", "-2.5e+3", "true", "false", "", "");
    assertThat(json.at("a").items().get(4)).isEqualTo(Json.Nothing.NOTHING);
    assertThat(json.at("b")).isEqualTo(new Json.Fields(Map.of()));
    assertThat(json.at("c")).isInstanceOf(Json.Array.class);
    assertThat(json.fields().keySet()).containsExactly("a", "b", "c");
  }

  @Test
  void readsEveryEscape() {
    assertThat(Json.parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00 é\"").text())
        .isEqualTo("\"\\/\b\f\n\r\té😀 é");
  }

  @Test
  void findsNothingWhereNothingIs() {
    Json json = Json.parse("{\"a\": 1}");
    assertThat(json.at("b").at("c").text()).isEmpty();
    assertThat(json.at("a").items()).isEmpty();
    assertThat(json.text()).isEmpty();
    assertThat(json.at("a").number()).isEqualTo(1);
    assertThat(json.at("b").number()).isZero();
    assertThat(Json.parse("1.5").number()).isZero();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "{",
        "[1",
        "[1,]",
        "{\"a\"}",
        "{\"a\": }",
        "{a: 1}",
        "\"abc",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\",
        "tru",
        "nulls",
        "1x",
        "-",
        "1.",
        "1e",
        "+1",
        ".5",
        "NaN",
        "0x10",
        "1 2",
        "{} []",
        "<html>"
      })
  void refusesWhatIsNoJson(String text) {
    assertThatThrownBy(() -> Json.parse(text)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void boundsTheDepth() {
    String deep = "[".repeat(100) + "]".repeat(100);
    assertThat(Json.parse(deep).items()).hasSize(1);
    assertThatThrownBy(() -> Json.parse('[' + deep + ']')).hasMessageContaining("deep");
    assertThatThrownBy(() -> Json.parse("{\"a\":".repeat(1_000_000)))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
