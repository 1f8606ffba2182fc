package org.netback.xen.embedded;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.netback.loop.InternalErrors;
import org.netback.xen.bus.Domains;
import org.netback.xen.embedded.toolstack.GuestSpec;
import org.netback.xen.ground.Backend;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

/// Domains as they come and go in a xenstored.
class DomainsTest extends BusScene {
  private static final String DOMAINS = "/local/domain";

  /// Throws at its first call if it is told to.
  private static final class Recorder implements Domains.Listener {
    final List<String> heard = new CopyOnWriteArrayList<>();
    boolean throwsOnce;

    @Override
    public void appeared(int domid) {
      hear("+" + domid);
    }

    @Override
    public void gone(int domid) {
      hear("-" + domid);
    }

    private void hear(String what) {
      heard.add(what);
      if (throwsOnce) {
        throwsOnce = false;
        throw new AssertionError("planted");
      }
    }
  }

  private final Recorder recorder = new Recorder();

  @BeforeEach
  void buildDom0() throws IOException {
    client("dom0", Runnable::run).write(DOMAINS + "/0/domid", "0");
  }

  private Domains start() throws IOException {
    return start(client("dom0", loop::execute));
  }

  private Domains start(XenStore store) throws StoreException {
    Domains domains = new Domains(store, loop, recorder);
    domains.start();
    return domains;
  }

  private static void build(XenStore within, int domid) throws StoreException {
    within.write(DOMAINS + '/' + domid + "/name", "guest");
    within.write(DOMAINS + '/' + domid + "/domid", Integer.toString(domid));
  }

  /// As libxl does: the nodes, then the introduction.
  private void create(XenStore toolstack, int domid) throws StoreException {
    boolean _ =
        toolstack.transaction(
            within -> {
              build(within, domid);
              return true;
            });
    xenstored.introduce(domid);
  }

  @Test
  void tellsWhichDomainsThereAreAndWhichComeAndGo() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    create(toolstack, 3);
    Domains domains = start();
    await(() -> domains.present().equals(List.of(0, 3)));
    assertThat(recorder.heard).containsExactlyInAnyOrder("+0", "+3");

    create(toolstack, 7);
    await(() -> domains.present().equals(List.of(0, 3, 7)));
    toolstack.remove(DOMAINS + "/3");
    xenstored.release(3);
    await(() -> domains.present().equals(List.of(0, 7)));
    settle();
    assertThat(recorder.heard.subList(2, 4)).containsExactly("+7", "-3");
    assertThat(recorder.heard).hasSize(4);
  }

  /// xenstored forgets a domain before the toolstack has removed its nodes, or after.
  @Test
  void goesByTheNodesWhicheverGoesFirst() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    create(toolstack, 3);
    Domains domains = start();
    await(() -> domains.present().contains(3));

    xenstored.shutDown(3);
    xenstored.release(3);
    settle();
    assertThat(domains.present()).contains(3);
    toolstack.remove(DOMAINS + "/3");
    await(() -> !domains.present().contains(3));
    settle();
    assertThat(recorder.heard).containsExactlyInAnyOrder("+0", "+3", "-3");
  }

  @Test
  void waitsForTheToolstackToFinishADomain() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    Domains domains = start();
    toolstack.write(DOMAINS + "/3/name", "half");
    toolstack.write(DOMAINS + "/not-a-domain/domid", "9");
    toolstack.write(DOMAINS + "/32752/domid", "32752");
    create(toolstack, 4);
    await(() -> domains.present().contains(4));
    settle();
    assertThat(domains.present()).containsExactly(0, 4);

    toolstack.write(DOMAINS + "/3/domid", "3");
    await(() -> domains.present().contains(3));
  }

  @Test
  void tellsOfANewLifeUnderTheSameNumber() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    create(toolstack, 3);
    Domains domains = start();
    await(() -> domains.present().contains(3));
    recorder.heard.clear();

    boolean _ =
        toolstack.transaction(
            within -> {
              within.remove(DOMAINS + "/3");
              build(within, 3);
              return true;
            });
    await(() -> recorder.heard.size() == 2);
    settle();
    assertThat(recorder.heard).containsExactly("-3", "+3");

    // Several events before anybody looks are one new life.
    recorder.heard.clear();
    toolstack.remove(DOMAINS + "/3");
    xenstored.release(3);
    create(toolstack, 3);
    await(() -> recorder.heard.size() == 2);
    settle();
    assertThat(recorder.heard).containsExactly("-3", "+3");
    assertThat(domains.present()).containsExactly(0, 3);
  }

  @Test
  void recordsWhatIsThrownAsTheDomainsOwnAndGoesOn() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    Domains domains = start();
    await(() -> domains.present().contains(0));
    recorder.throwsOnce = true;
    create(toolstack, 3);
    create(toolstack, 4);
    await(() -> domains.present().equals(List.of(0, 3, 4)));

    assertThat(log).extracting(InternalErrors.Report::owner).containsAnyOf("domain 3", "domain 4");
    assertThat(log).hasSize(1);
    toolstack.remove(DOMAINS + "/3");
    toolstack.remove(DOMAINS + "/4");
    await(() -> domains.present().equals(List.of(0)));
    assertThat(recorder.heard).endsWith("-3", "-4");
    log.clear();
  }

  @Test
  void looksAgainLaterWhenTheStoreRefuses() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    create(toolstack, 3);
    XenStore store = client("dom0", loop::execute);
    AtomicInteger refusals = new AtomicInteger();
    Domains domains =
        start(
            (XenStore)
                Proxy.newProxyInstance(
                    XenStore.class.getClassLoader(),
                    new Class<?>[] {XenStore.class},
                    (_, method, arguments) -> {
                      boolean planted =
                          switch (method.getName()) {
                            case "directory" -> refusals.get() == 0;
                            case "watch" ->
                                refusals.get() == 1 && arguments[0].equals(DOMAINS + "/3/domid");
                            case "read" -> refusals.get() == 2;
                            default -> false;
                          };
                      if (planted) {
                        refusals.incrementAndGet();
                        throw new StoreException(method.getName(), "planted", "EIO");
                      }
                      return invoke(store, method, arguments);
                    }));
    for (int seconds = 1; seconds <= 3; seconds++) {
      int refused = seconds;
      await(() -> refusals.get() >= refused);
      settle();
      loop.advance(TimeUnit.SECONDS.toNanos(1));
    }
    await(() -> domains.present().equals(List.of(0, 3)));
    assertThat(recorder.heard).containsExactlyInAnyOrder("+0", "+3");
  }

  @Test
  void tellsNothingAfterItsEnd() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    Domains domains = start();
    await(() -> domains.present().contains(0));

    CompletableFuture<Void> ended = domains.close().toCompletableFuture();
    await(ended::isDone);
    create(toolstack, 3);
    settle();
    assertThat(recorder.heard).containsExactly("+0");
    assertThat(domains.present()).isEmpty();
    assertThat(loop.pendingTimers()).isZero();
  }

  @Test
  void hearsOfTheGuestsOfAnEmbeddedGround() throws Exception {
    try (EmbeddedGround ground = EmbeddedGround.open(dir.resolve("ground"));
        Backend backend = ground.backend()) {
      Domains domains = start(backend.store());
      await(() -> domains.present().equals(List.of(backend.domid())));
      GuestDomain guest = ground.createDomain(GuestSpec.of("guest", "blue"));
      await(() -> domains.present().equals(List.of(backend.domid(), guest.domid())));
      guest.close();
      await(() -> domains.present().equals(List.of(backend.domid())));
    }
  }
}
