package org.netback.properties;

import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/// A statement about all samples of a kind, checked on many:
///
/// ```java
/// @Test
/// void reversingTwiceChangesNothing() {
///   Property.holds(1000, sample -> {
///     byte[] octets = sample.octets(0, 200);
///     assertThat(reverse(reverse(octets))).isEqualTo(octets);
///   });
/// }
/// ```
///
/// The samples follow from a seed, which is new in each run. A failure names its seed;
/// `-Dproperty.seed=SEED` makes every property draw the samples of that seed. Before it is
/// reported, the sample is made smaller: draws are left out and values brought nearer to zero, as
/// long as the statement still fails with an exception of the same class. So the body must take all
/// that varies from the sample, and set up anew what it changes.
public final class Property {
  /// The system property that holds the seed to repeat.
  public static final String SEED = "property.seed";

  private static final int MAX_RUNS = 2000;
  private static final long MAX_NANOS = TimeUnit.SECONDS.toNanos(10);

  /// The statement; any exception or error falsifies it.
  @FunctionalInterface
  public interface Body {
    void check(Sample sample) throws Exception;
  }

  private final Body body;
  private Sample smallest;
  private Throwable failure;
  private int runs;
  private final long start = System.nanoTime();

  private Property(Body body, Sample falsified, Throwable failure) {
    this.body = body;
    this.smallest = falsified;
    this.failure = failure;
  }

  /// Checks the statement on so many samples, at least one.
  ///
  /// @throws AssertionError with the seed, the smallest sample found, and what it threw as cause
  public static void holds(int tries, Body body) {
    if (tries < 1) {
      throw new IllegalArgumentException("a property of " + tries + " tries");
    }
    long seed = Long.getLong(SEED, new Random().nextLong());
    Random random = new Random(seed);
    for (int i = 1; i <= tries; i++) {
      Sample sample = Sample.fresh(random);
      Optional<Throwable> thrown = run(body, sample);
      if (thrown.isPresent()) {
        Property falsified = new Property(body, sample, thrown.get());
        falsified.shrink();
        throw new AssertionError(
            "falsified in try %d of %d, made smaller in %d runs; -D%s=%d repeats it%n  sample: %s%n  %s"
                .formatted(
                    i, tries, falsified.runs, SEED, seed, falsified.smallest, falsified.failure),
            falsified.failure);
      }
    }
  }

  private static Optional<Throwable> run(Body body, Sample sample) {
    try {
      body.check(sample);
      return Optional.empty();
    } catch (Exception | AssertionError | StackOverflowError e) {
      return Optional.of(e);
    }
  }

  private void shrink() {
    Sample before;
    do {
      before = smallest;
      leaveOut();
      lower();
    } while (smallest != before);
  }

  /// Leaves out runs of draws, long ones first: that shortens lists. Of the short ones it tries
  /// all, since an element may have taken any number of draws.
  private void leaveOut() {
    int length = smallest.draws() / 2;
    while (length > 0) {
      int step = length > 8 ? length : 1;
      for (int at = smallest.draws() - length; at >= 0; at -= step) {
        if (at + length <= smallest.draws()) {
          stillFails(smallest.without(at, length));
        }
      }
      length = length > 8 ? length / 2 : length - 1;
    }
  }

  /// Brings each value as near to zero as it goes, in ever smaller steps.
  private void lower() {
    for (int at = 0; at < smallest.draws(); at++) {
      for (long step = smallest.excess(at); step != 0; step /= 2) {
        if (at < smallest.draws()) {
          stillFails(smallest.lowered(at, step));
        }
      }
    }
  }

  private void stillFails(Sample candidate) {
    if (runs == MAX_RUNS || System.nanoTime() - start > MAX_NANOS) {
      return;
    }
    runs++;
    Optional<Throwable> thrown = run(body, candidate);
    if (thrown.isPresent() && thrown.get().getClass() == failure.getClass()) {
      smallest = candidate;
      failure = thrown.get();
    }
  }
}
