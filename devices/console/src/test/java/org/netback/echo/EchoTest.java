package org.netback.echo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.netback.xen.frontends.ClassScene;

/// A device class of the test's own, from its records to its frontend, on the embedded ground.
@Timeout(60)
final class EchoTest {
  @TempDir private Path directory;
  private ClassScene scene;

  @BeforeEach
  void serve() throws IOException {
    scene = new ClassScene(directory, EchoDevice::deviceClass);
    scene.serve();
  }

  @AfterEach
  void close() throws Exception {
    scene.close();
  }

  private final class Guest implements AutoCloseable {
    final BlockingQueue<EchoResponse> answers = new LinkedBlockingQueue<>();
    final EchoDriver driver = new EchoDriver(scene.guestLoop(), answers::add);
    final ClassScene.Guest guest;

    Guest(String name) throws IOException {
      guest = scene.guest(name, EchoDevice.TYPE, driver);
    }

    void send(int first, int count) {
      for (int id = first; id < first + count; id++) {
        driver.send(new EchoRequest(id, Integer.toString(id)));
      }
    }

    void expect(int first, int count) throws InterruptedException {
      for (int id = first; id < first + count; id++) {
        EchoResponse answer = answers.poll(10, TimeUnit.SECONDS);
        assertThat(answer).as("answer %s, %s", id, guest.troubles()).isNotNull();
        assertThat(answer.id()).isEqualTo(id);
        assertThat(answer.text().substring(0, answer.status()))
            .isEqualTo(new StringBuilder().append(id).reverse().toString());
      }
    }

    @Override
    public void close() {
      guest.close();
    }
  }

  @Test
  void answersEachRequestBackwards() throws Exception {
    try (Guest guest = new Guest("a")) {
      guest.send(0, 1000);
      guest.expect(0, 1000);
      guest.driver.send(new EchoRequest(7, 13, ""));
      assertThat(guest.answers.poll(10, TimeUnit.SECONDS).status()).isEqualTo(EchoResponse.ERROR);
    }
  }

  @Test
  void aGuestThatBreaksItsRingHurtsOnlyItself() throws Exception {
    try (Guest bad = new Guest("bad");
        Guest good = new Guest("good")) {
      bad.send(0, 1);
      bad.expect(0, 1);
      good.send(0, 200);
      bad.driver.breakRing();
      assertThat(bad.guest.awaitTrouble()).contains("broken ring");
      good.send(200, 200);
      good.expect(0, 400);
      assertThat(good.guest.troubles()).isEmpty();
    }
  }

  @Test
  void aSuccessorTakesOverUnderAnOpenFrontend() throws Exception {
    try (Guest guest = new Guest("a")) {
      guest.send(0, 100);
      guest.expect(0, 100);
      scene.abandon();
      guest.send(100, 300);
      assertThat(guest.answers.poll(100, TimeUnit.MILLISECONDS)).isNull();
      scene.serve();
      guest.expect(100, 300);
    }
  }

  /// The first one closes in order, and the frontend offers the device anew.
  @Test
  void aSuccessorIsFoundAfterAnOrderlyEnd() throws Exception {
    try (Guest guest = new Guest("a")) {
      guest.send(0, 100);
      guest.expect(0, 100);
      scene.stop();
      guest.send(100, 300);
      scene.serve();
      guest.expect(100, 300);
      assertThat(guest.guest.troubles()).isEmpty();
    }
  }
}
