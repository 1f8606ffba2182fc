package org.netback.xen.frontends;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.netback.xen.bus.XenbusState;
import org.netback.xen.io.netif.TxResponse;

/// Backends that are not believed any more.
final class NetfrontDistrustTest extends NetfrontScene {
  @Test
  void givesUpOnAResponseToAnIdThatIsNotInFlight() throws Exception {
    start(NetfrontOptions.LINUX);
    HandBackend.Queue queue = connect();
    send(queue(0), new byte[60]);
    queue(0).flush();
    queue.tx.unconsumedRequests();
    queue.tx.copyRequest();
    queue.tx.putResponse(new TxResponse(77, TxResponse.OKAY));
    pushTx(queue);

    assertThat(recorder.failures).singleElement().asString().contains("id 77");
    assertThat(send(queue(0), new byte[60])).isEqualTo(SendResult.DISCONNECTED);
  }

  @Test
  void givesUpOnMoreResponsesThanRequests() throws Exception {
    start(NetfrontOptions.LINUX);
    HandBackend.Queue queue = connect();
    MemorySegment ring =
        backend.memory.page(Integer.parseInt(backend.front("tx-ring-ref").orElseThrow()));
    ring.set(ValueLayout.JAVA_INT, 8, 1);
    backend.channels.raise(queue.txPort);
    backend.loop.runReady();

    assertThat(recorder.failures).singleElement().asString().contains("rsp_prod 1");
  }

  @Test
  void givesUpOnABackendThatHoldsAPageThatItHasAnswered() throws Exception {
    start(NetfrontOptions.LINUX.withPersistentGrants(false));
    HandBackend.Queue queue = connect();
    send(queue(0), new byte[60]);
    queue(0).flush();
    backend.memory.allMapped = true;
    queue.take();
    pushTx(queue);

    assertThat(recorder.failures).singleElement().asString().contains("still in use");

    backend.memory.allMapped = false;
    backend.enter(XenbusState.CLOSED);
    assertThat(backend.memory.pagesInUse).isZero();
  }
}
