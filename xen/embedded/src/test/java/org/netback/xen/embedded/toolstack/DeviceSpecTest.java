package org.netback.xen.embedded.toolstack;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.xen.embedded.memory.DomainSize;

class DeviceSpecTest {
  private static DeviceSpec device(String type, int handle, Map<String, String> keys) {
    return new DeviceSpec(type, handle, keys, Map.of(), Map.of());
  }

  @ParameterizedTest
  @CsvSource({"'', 0", "VIF, 0", "a/b, 0", "'..', 0", "abcdefghijklmnopq, 0", "vif, -1"})
  void refusesTypesAndHandlesThatAreNone(String type, int handle) {
    assertThatThrownBy(() -> device(type, handle, Map.of()))
        .isInstanceOf(IllegalArgumentException.class);
  }

  /// What all devices have is the toolstack's, and no key leads out of the directory.
  @ParameterizedTest
  @ValueSource(strings = {"frontend", "frontend-id", "backend", "state", "online", "a/b", "..", ""})
  void refusesKeysThatAreNotAClasss(String key) {
    assertThatThrownBy(() -> device("vif", 0, Map.of(key, "1")))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void refusesTooMuch() {
    Map<String, String> many = new HashMap<>();
    for (int i = 0; i < 33; i++) {
      many.put("key-" + i, "x");
    }
    assertThatThrownBy(() -> device("vif", 0, many)).hasMessageContaining("33 keys");
    assertThatThrownBy(() -> device("vif", 0, Map.of("key", "x".repeat(1001))))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> device("vif", 0, Map.of("key", "line\nfeed")))
        .isInstanceOf(IllegalArgumentException.class);
    DeviceSpec one = device("vif", 0, Map.of());
    assertThatThrownBy(() -> new GuestSpec("g", DomainSize.DEFAULT, List.of(one, one)))
        .hasMessage("guest g has vif 0 twice");
  }
}
