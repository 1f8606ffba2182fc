package org.netback.daemon.config;

import java.util.List;
import java.util.Optional;
import org.netback.netif.Rate;

/// Reads what concerns vifs: the file's `vifs`, and a request for other rates.
public final class VifSection {
  private static final List<String> KEYS = List.of("max-queues");
  private static final List<String> RATE_KEYS = List.of("fromGuest", "toGuest");

  /// The file's part.
  public static final Section<VifChoice> SECTION =
      new Section<>(
          "vifs", VifChoice.class, KEYS, new VifChoice(defaultQueues()), VifSection::read);

  private VifSection() {}

  /// What vifs may have.
  ///
  /// @param maxQueues the most queues that a vif may ask for (`multi-queue-max-queues`)
  public record VifChoice(int maxQueues) {}

  /// New rates of a vif; those that are not mentioned stay.
  public record RateRequest(Optional<Rate> fromGuest, Optional<Rate> toGuest) {}

  private static int defaultQueues() {
    return Math.min(8, Runtime.getRuntime().availableProcessors());
  }

  private static VifChoice read(YamlMap map) throws ConfigurationException {
    return new VifChoice(map.integer("max-queues", 1, 64, defaultQueues()));
  }

  /// Reads a change of a vif's rates as JSON.
  public static RateRequest rates(String source, String text) throws ConfigurationException {
    YamlMap map = YamlMap.parse(source, "a vif's rates", text, RATE_KEYS);
    return new RateRequest(rate(map, "fromGuest"), rate(map, "toGuest"));
  }

  private static Optional<Rate> rate(YamlMap map, String key) throws ConfigurationException {
    return map.has(key) ? Optional.of(map.parsed(key, Rate::parse)) : Optional.empty();
  }
}
