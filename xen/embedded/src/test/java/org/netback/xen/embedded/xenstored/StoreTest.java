package org.netback.xen.embedded.xenstored;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StoreTest {
  private final Store store = new Store();
  private final Client control = new Client(store, 0);
  private final Client guest = new Client(store, 3);
  private final Client other = new Client(store, 4);

  private void giveHome(int domid) {
    control.write("/local/domain/" + domid, "");
    control.allow("/local/domain/" + domid, "n" + domid, "r0");
  }

  @Test
  void makesParentsAndListsNamesInTheirOrder() {
    assertThat(control.write("/b/x/y", "1")).isEqualTo("OK");
    assertThat(control.ask(Operation.MKDIR, "/a\0")).isEqualTo("OK");
    assertThat(control.ask(Operation.DIRECTORY, "/\0")).isEqualTo("a\0b\0tool");
    assertThat(control.read("/b/x")).isEmpty();
  }

  @Test
  void mkdirLeavesTheValueOfWhatIsThere() {
    control.write("/a", "1");
    assertThat(control.ask(Operation.MKDIR, "/a\0")).isEqualTo("OK");
    assertThat(control.read("/a")).isEqualTo("1");
  }

  @Test
  void valuesMayHoldAnyOctets() {
    control.write("/a", "x\0y\u00ff\0z");
    assertThat(control.read("/a")).isEqualTo("x\0y\u00ff\0z");
  }

  @Test
  void removingWhatIsNotThereIsFineOnlyBelowWhatIs() {
    assertThat(control.remove("/nothing")).isEqualTo("OK");
    assertThat(control.remove("/nothing/below")).isEqualTo("!ENOENT");
    assertThat(control.remove("/")).isEqualTo("!EINVAL");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "/a/",
        "//",
        "/a//b",
        "/a b",
        "/a.b",
        "@introduceDomain",
        "/\u00e4",
        "a/",
        "//a"
      })
  void refusesPathsThatAreNone(String path) {
    assertThat(control.read(path)).isEqualTo("!EINVAL");
    assertThat(control.write(path, "x")).isEqualTo("!EINVAL");
  }

  @Test
  void refusesPathsThatAreTooLong() {
    assertThat(control.write("/" + "a".repeat(StorePath.ABSOLUTE_MAX - 1), "")).isEqualTo("OK");
    assertThat(control.write("/" + "a".repeat(StorePath.ABSOLUTE_MAX), "")).isEqualTo("!EINVAL");
    giveHome(3);
    assertThat(guest.read("/" + "a".repeat(StorePath.RELATIVE_MAX))).isEqualTo("!EINVAL");
    assertThat(guest.read("a".repeat(StorePath.RELATIVE_MAX))).isEqualTo("!ENOENT");
    assertThat(guest.read("/local/domain/3/" + "a".repeat(StorePath.RELATIVE_MAX)))
        .isEqualTo("!ENOENT");
  }

  @Test
  void relativePathsStartAtTheDomainsDirectory() {
    giveHome(3);
    assertThat(guest.write("data/x", "1")).isEqualTo("OK");
    assertThat(control.read("/local/domain/3/data/x")).isEqualTo("1");
    assertThat(guest.ask(Operation.GET_DOMAIN_PATH, "3\0")).isEqualTo("/local/domain/3");
  }

  @Test
  void tellsAGuestNothingOfWhatItMayNotRead() {
    control.write("/secret/x", "1");
    assertThat(guest.read("/secret/x")).isEqualTo("!EACCES");
    assertThat(guest.read("/secret/nothing")).isEqualTo("!EACCES");
    assertThat(guest.ask(Operation.DIRECTORY, "/secret\0")).isEqualTo("!EACCES");
    assertThat(guest.write("/secret/y", "1")).isEqualTo("!EACCES");
    assertThat(guest.remove("/secret/x")).isEqualTo("!EACCES");
    assertThat(guest.ask(Operation.GET_PERMS, "/secret/x\0")).isEqualTo("!EACCES");
    control.allow("/secret", "r0");
    assertThat(guest.read("/secret/nothing")).isEqualTo("!ENOENT");
    assertThat(guest.read("/secret/x")).isEqualTo("!EACCES");
  }

  @Test
  void permissionsSayWhoReadsAndWrites() {
    control.write("/n", "1");
    control.allow("/n", "n0", "r3", "w4");
    assertThat(guest.read("/n")).isEqualTo("1");
    assertThat(guest.write("/n", "2")).isEqualTo("!EACCES");
    assertThat(other.write("/n", "2")).isEqualTo("OK");
    assertThat(other.read("/n")).isEqualTo("!EACCES");
    assertThat(guest.ask(Operation.GET_PERMS, "/n\0")).isEqualTo("n0\0r3\0w4");
    assertThat(guest.allow("/n", "n0", "b3")).isEqualTo("!EACCES");
    control.allow("/n", "b0");
    assertThat(other.write("/n", "3")).isEqualTo("OK");
  }

  @Test
  void aGuestOwnsWhatItMakesAndCannotGiveItAway() {
    giveHome(3);
    guest.write("mine", "1");
    assertThat(control.ask(Operation.GET_PERMS, "/local/domain/3/mine\0")).isEqualTo("n3\0r0");
    assertThat(other.read("/local/domain/3/mine")).isEqualTo("!EACCES");
    assertThat(guest.allow("mine", "n3", "r4")).isEqualTo("OK");
    assertThat(other.read("/local/domain/3/mine")).isEqualTo("1");
    assertThat(guest.allow("mine", "n4", "r3")).isEqualTo("!EPERM");
    assertThat(guest.allow("mine", "x3")).isEqualTo("!EINVAL");
    assertThat(guest.allow("mine", "n99999")).isEqualTo("!EINVAL");
  }

  @Test
  void aDomainAimedAtAnotherHasItsRights() {
    giveHome(3);
    guest.write("mine", "1");
    store.introduce(3);
    store.introduce(4);
    assertThat(other.ask(Operation.SET_TARGET, "4\0003\0")).isEqualTo("!EACCES");
    assertThat(control.ask(Operation.SET_TARGET, "4\0003\0")).isEqualTo("OK");
    assertThat(other.write("/local/domain/3/mine", "2")).isEqualTo("OK");
    store.release(3);
    store.getToKnow(3);
    giveHome(3);
    assertThat(other.read("/local/domain/3")).isEqualTo("!EACCES");
  }

  @Test
  void whatADeadDomainWasGrantedIsNotItsSuccessors() {
    control.write("/n", "1");
    control.allow("/n", "n0", "r3");
    control.write("/keep", "1");
    control.allow("/keep", "n0", "r4", "r3");
    giveHome(3);
    guest.write("mine/deep", "1");
    store.introduce(3);
    store.release(3);
    assertThat(guest.hungUp()).isTrue();
    assertThat(control.read("/local/domain/3")).isEqualTo("!ENOENT");
    assertThat(control.ask(Operation.GET_PERMS, "/n\0")).isEqualTo("n0");
    assertThat(control.ask(Operation.GET_PERMS, "/keep\0")).isEqualTo("n0\0r4");
    Client next = new Client(store, 3);
    assertThat(next.read("/n")).isEqualTo("!EACCES");
    assertThat(store.getToKnow(3).nodes()).isZero();
  }

  @Test
  void aGuestCannotGrantToADomainThatIsYetToCome() {
    giveHome(3);
    guest.write("mine", "1");
    assertThat(guest.allow("mine", "n3", "r77")).isEqualTo("OK");
    Client late = new Client(store, 77);
    assertThat(late.read("/local/domain/3/mine")).isEqualTo("!EACCES");
    // A node made below must not make the grant good.
    guest.write("mine/below", "1");
    assertThat(late.read("/local/domain/3/mine/below")).isEqualTo("!EACCES");
  }

  @Test
  void aTransactionCannotBringBackGrantsToTheDead() {
    control.write("/n", "1");
    int transaction = control.begin();
    control.ask(transaction, Operation.SET_PERMS, "/n\0n0\0r3\0");
    control.ask(transaction, Operation.WRITE, "/theirs\0");
    control.ask(transaction, Operation.SET_PERMS, "/theirs\0n3\0");
    store.release(3);
    Client next = new Client(store, 3);
    assertThat(control.commit(transaction)).isEqualTo("!EAGAIN");
    assertThat(next.read("/n")).isEqualTo("!EACCES");
  }

  @Test
  void boundsAGuestsNodes() {
    giveHome(3);
    int made = 0;
    while (guest.write("d" + made / 50 + "/n" + made, "").equals("OK")) {
      made++;
    }
    assertThat(store.getToKnow(3).nodes()).isLessThanOrEqualTo(1000).isGreaterThan(990);
    assertThat(guest.write("d0/one-more", "")).isEqualTo("!ENOSPC");
    assertThat(guest.write("d0/n0", "still")).isEqualTo("OK");
    guest.remove("d0");
    assertThat(guest.write("d0/one-more", "")).isEqualTo("OK");
  }

  @Test
  void boundsWhatAGuestsTransactionsAddUpTo() {
    giveHome(3);
    IntStream.range(0, 800).forEach(i -> guest.write("d" + i / 50 + "/n" + i, ""));
    int one = guest.begin();
    int two = guest.begin();
    for (int i = 0; i < 120; i++) {
      guest.ask(one, Operation.WRITE, "x/n" + i + "\0");
      guest.ask(two, Operation.WRITE, "y/n" + i + "\0");
    }
    assertThat(guest.commit(one)).isEqualTo("OK");
    assertThat(guest.commit(two)).isEqualTo("!ENOSPC");
    assertThat(store.getToKnow(3).nodes()).isEqualTo(1 + 16 + 800 + 121);
  }

  @Test
  void boundsValuesPermissionsWatchesAndTransactionsOfAGuestButNotOfTheControlDomain() {
    giveHome(3);
    assertThat(guest.write("x", "v".repeat(2000))).isEqualTo("OK");
    assertThat(guest.write("x", "v".repeat(2048))).isEqualTo("!ENOSPC");
    assertThat(control.write("/x", "v".repeat(4000))).isEqualTo("OK");
    guest.write("x", "");
    assertThat(guest.allow("x", "n3", "r0", "r1", "r2", "r4")).isEqualTo("OK");
    assertThat(guest.allow("x", "n3", "r0", "r1", "r2", "r4", "r5")).isEqualTo("!ENOSPC");
    for (int i = 0; i < 128; i++) {
      assertThat(guest.watch("w" + i)).isEqualTo("OK");
      assertThat(control.watch("/w" + i)).isEqualTo("OK");
    }
    assertThat(guest.watch("more")).isEqualTo("!ENOSPC");
    assertThat(control.watch("/more")).isEqualTo("OK");
    for (int i = 0; i < 10; i++) {
      guest.begin();
      control.begin();
    }
    assertThat(guest.ask(Operation.TRANSACTION_START, "\0")).isEqualTo("!ENOSPC");
    control.begin();
    assertThat(guest.ask(Operation.RESET_WATCHES, "\0")).isEqualTo("OK");
    assertThat(guest.watch("more")).isEqualTo("OK");
    guest.begin();
  }

  @Test
  void boundsTheNodesThatAGuestsTransactionTouches() {
    giveHome(3);
    int transaction = guest.begin();
    String last = "";
    for (int i = 0; i < 1100; i++) {
      last = guest.ask(transaction, Operation.READ, "n" + i + "\0");
    }
    assertThat(last).isEqualTo("!ENOSPC");
    assertThat(guest.commit(transaction)).isEqualTo("!ENOMEM");
  }

  @Test
  void tellsATransactionThatKeepsAnOldVersionTooLongToTryAgain() {
    giveHome(3);
    int abandoned = guest.begin();
    guest.ask(abandoned, Operation.WRITE, "x\0001");
    int controls = control.begin();
    for (int i = 0; i <= Store.AGE_MAX; i++) {
      control.write("/busy", "x");
    }
    assertThat(guest.ask(abandoned, Operation.READ, "x\0")).isEqualTo("!EAGAIN");
    assertThat(guest.commit(abandoned)).isEqualTo("!EAGAIN");
    assertThat(control.commit(controls)).isEqualTo("OK");
  }

  @Test
  void aPathOfAThousandLevelsIsMadeAndRemovedQuickly() {
    giveHome(3);
    String deep = "a" + "/b".repeat(990);
    long start = System.nanoTime();
    for (int i = 0; i < 20; i++) {
      assertThat(guest.write(deep, "x")).isEqualTo("OK");
      assertThat(guest.remove("a")).isEqualTo("OK");
    }
    assertThat((System.nanoTime() - start) / 1_000_000).isLessThan(10_000);
    assertThat(store.getToKnow(3).nodes()).isEqualTo(1);
  }

  @Test
  void aTransactionSeesTheStoreAsItWasAndItsOwnWrites() {
    control.write("/a", "1");
    int transaction = control.begin();
    other.write("/a", "x");
    control.write("/a", "2");
    control.write("/new", "");
    assertThat(control.ask(transaction, Operation.READ, "/a\0")).isEqualTo("1");
    assertThat(control.ask(transaction, Operation.READ, "/new\0")).isEqualTo("!ENOENT");
    // Only read: what it saw was the store at its start, which is as good as any order.
    assertThat(control.commit(transaction)).isEqualTo("OK");
    transaction = control.begin();
    control.ask(transaction, Operation.WRITE, "/b/c\0007");
    assertThat(control.ask(transaction, Operation.READ, "/b/c\0")).isEqualTo("7");
    assertThat(control.read("/b/c")).isEqualTo("!ENOENT");
    assertThat(control.commit(transaction)).isEqualTo("OK");
    assertThat(control.read("/b/c")).isEqualTo("7");
    assertThat(control.commit(transaction)).isEqualTo("!ENOENT");
  }

  @Test
  void anAbandonedTransactionLeavesNothing() {
    int transaction = control.begin();
    control.ask(transaction, Operation.WRITE, "/a\0001");
    assertThat(control.ask(transaction, Operation.TRANSACTION_END, "F\0")).isEqualTo("OK");
    assertThat(control.read("/a")).isEqualTo("!ENOENT");
  }

  @Test
  void changesElsewhereDoNotConflict() {
    control.write("/backend/vif/1/0", "");
    int transaction = control.begin();
    control.ask(transaction, Operation.READ, "/backend/vif/1/0\0");
    control.ask(transaction, Operation.WRITE, "/backend/vif/1/0/state\0002");
    control.write("/backend/vif/2/0/state", "1");
    control.write("/other", "1");
    assertThat(control.commit(transaction)).isEqualTo("OK");
    assertThat(control.ask(Operation.DIRECTORY, "/backend/vif\0")).isEqualTo("1\0002");
    assertThat(control.read("/backend/vif/1/0/state")).isEqualTo("2");
  }

  @Test
  void aListedDirectoryThatGrewConflicts() {
    control.write("/d/1", "");
    int transaction = control.begin();
    control.ask(transaction, Operation.DIRECTORY, "/d\0");
    control.ask(transaction, Operation.WRITE, "/count\0001");
    control.write("/d/2", "");
    assertThat(control.commit(transaction)).isEqualTo("!EAGAIN");
  }

  @Test
  void aChangeBelowWhatATransactionRemovesConflicts() {
    control.write("/d/1/x", "");
    int transaction = control.begin();
    control.ask(transaction, Operation.RM, "/d\0");
    control.write("/d/1/x", "new");
    assertThat(control.commit(transaction)).isEqualTo("!EAGAIN");
    assertThat(control.read("/d/1/x")).isEqualTo("new");
  }

  @Test
  void aNodeRemovedAndMadeAnewInATransactionHasOnlyWhatItWasGivenThere() {
    control.write("/d/1/x", "");
    int transaction = control.begin();
    control.ask(transaction, Operation.RM, "/d\0");
    control.ask(transaction, Operation.WRITE, "/d/2\0new");
    control.write("/elsewhere", "");
    assertThat(control.commit(transaction)).isEqualTo("OK");
    assertThat(control.ask(Operation.DIRECTORY, "/d\0")).isEqualTo("2");
  }

  @Test
  void transactionsBelongToTheirConnection() {
    int transaction = control.begin();
    assertThat(new Client(store, 0).ask(transaction, Operation.READ, "/\0")).isEqualTo("!ENOENT");
    assertThat(control.ask(transaction, Operation.TRANSACTION_START, "\0")).isEqualTo("!EBUSY");
    assertThat(control.ask(transaction, Operation.TRANSACTION_END, "X\0")).isEqualTo("!EINVAL");
  }

  @Test
  void firesWatchesAtRegistrationAndForChangesAtAndBelow() {
    assertThat(control.watch("/a")).isEqualTo("OK");
    assertThat(control.watch("/a")).isEqualTo("!EEXIST");
    assertThat(control.events()).containsExactly("/a");
    control.write("/a/b/c", "1");
    control.ask(Operation.MKDIR, "/a/d\0");
    control.ask(Operation.MKDIR, "/a/d\0");
    control.allow("/a/d", "r0");
    control.write("/ab", "1");
    control.remove("/a");
    assertThat(control.events()).containsExactly("/a/b/c", "/a/d", "/a/d", "/a");
    assertThat(control.ask(Operation.UNWATCH, "/a\0other\0")).isEqualTo("!ENOENT");
    assertThat(control.ask(Operation.UNWATCH, "/a\0t\0")).isEqualTo("OK");
    control.write("/a", "1");
    assertThat(control.events()).isEmpty();
  }

  @Test
  void aWatchBelowARemovedNodeHearsOfItsOwnPath() {
    control.write("/a/b/c", "1");
    control.watch("/a/b");
    control.watch("/a/nothing");
    control.events();
    control.remove("/a");
    assertThat(control.events()).containsExactly("/a/b");
  }

  @Test
  void watchesOfALimitedDepthHearOnlyOfSoManyLevels() {
    control.ask(Operation.WATCH, "/a\0t\0001\0");
    control.events();
    control.write("/a", "");
    control.write("/a/b", "");
    control.write("/a/b/c", "");
    assertThat(control.events()).containsExactly("/a", "/a/b");
    assertThat(control.ask(Operation.WATCH, "/a\0t\000-1\0")).isEqualTo("!EINVAL");
  }

  @Test
  void relativeWatchesGetRelativePaths() {
    giveHome(3);
    guest.watch("device");
    guest.ask(Operation.WATCH, "/local/domain/3/device\0absolute\0");
    guest.events();
    control.write("/local/domain/3/device/vif", "1");
    control.allow("/local/domain/3/device/vif", "n3");
    assertThat(guest.events()).contains("device/vif", "/local/domain/3/device/vif");
  }

  @Test
  void transactionsFireWatchesOnlyWhenTheyCommit() {
    control.watch("/a");
    control.events();
    int transaction = control.begin();
    control.ask(transaction, Operation.WRITE, "/a/x\0001");
    control.ask(transaction, Operation.WRITE, "/a/y\0001");
    control.ask(transaction, Operation.WRITE, "/a/x\0002");
    assertThat(control.events()).isEmpty();
    control.commit(transaction);
    assertThat(control.events()).containsExactly("/a/x", "/a/y");
  }

  @Test
  void aGuestHearsOnlyOfWhatItMayRead() {
    guest.watch("/");
    guest.events();
    control.write("/secret/x", "1");
    control.allow("/secret/x", "n4");
    control.remove("/secret/x");
    assertThat(guest.events()).isEmpty();
    control.write("/open", "");
    control.allow("/open", "n0", "r3");
    assertThat(guest.events()).containsExactly("/open");
    control.write("/open", "1");
    // The last that it hears is that it may read no more, or that the node is gone.
    control.allow("/open", "n0");
    assertThat(guest.events()).containsExactly("/open", "/open");
    control.write("/open", "2");
    assertThat(guest.events()).isEmpty();
    control.allow("/open", "n0", "r3");
    control.remove("/open");
    assertThat(guest.events()).containsExactly("/open", "/open");
  }

  @Test
  void tellsOfDomainsThatComeAndGo() {
    Client guestOfItsOwn = new Client(store, 9);
    control.watch("@introduceDomain");
    control.watch("@releaseDomain");
    guestOfItsOwn.watch("@introduceDomain");
    control.ask(Operation.WATCH, "@releaseDomain/5\0one\0");
    control.ask(Operation.WATCH, "@releaseDomain\0each\0001\0");
    control.events();
    guestOfItsOwn.events();
    assertThat(control.ask(Operation.INTRODUCE, "5\0001\0002\0")).isEqualTo("OK");
    assertThat(control.events()).containsExactly("@introduceDomain");
    assertThat(guestOfItsOwn.events()).isEmpty();
    assertThat(control.ask(Operation.IS_DOMAIN_INTRODUCED, "5\0")).isEqualTo("T");
    store.shutDown(5);
    store.shutDown(5);
    assertThat(control.events())
        .containsExactlyInAnyOrder("@releaseDomain", "@releaseDomain/5", "@releaseDomain/5");
    assertThat(control.ask(Operation.RELEASE, "5\0")).isEqualTo("OK");
    assertThat(control.events()).hasSize(3);
    assertThat(control.ask(Operation.RELEASE, "5\0")).isEqualTo("!ENOENT");
    assertThat(control.ask(Operation.IS_DOMAIN_INTRODUCED, "5\0")).isEqualTo("F");
    control.allow("@introduceDomain", "n0", "r9");
    guestOfItsOwn.events();
    control.ask(Operation.INTRODUCE, "6\0001\0002\0");
    assertThat(guestOfItsOwn.events()).containsExactly("@introduceDomain");
  }

  @Test
  void onlyTheControlDomainManagesDomains() {
    for (Operation operation : Operation.values()) {
      if (operation.privileged()) {
        assertThat(guest.ask(operation, "5\0001\0001\0")).isEqualTo("!EACCES");
      }
    }
    assertThat(control.ask(Operation.INTRODUCE, "0\0001\0002\0")).isEqualTo("!EINVAL");
    assertThat(control.ask(Operation.INTRODUCE, "32752\0001\0002\0")).isEqualTo("!EINVAL");
    assertThat(control.ask(Operation.RELEASE, "0\0")).isEqualTo("!EINVAL");
    assertThat(control.ask(Operation.RESUME, "3\0")).isEqualTo("!ENOENT");
  }

  @Test
  void aClientThatLeavesTakesItsWatchesAndTransactionsAlong() {
    Client leaving = new Client(store, 3);
    leaving.watch("/a");
    leaving.begin();
    leaving.close();
    leaving.events();
    assertThat(store.getToKnow(3).watches()).isZero();
    assertThat(store.getToKnow(3).transactions()).isZero();
    control.write("/a", "1");
    assertThat(leaving.events()).isEmpty();
  }

  @Test
  void longDirectoriesAreReadInParts() {
    List<String> names = new ArrayList<>();
    for (int i = 10_000; i < 12_000; i++) {
      control.write("/d/" + i, "");
      names.add(Integer.toString(i));
    }
    assertThat(control.ask(Operation.DIRECTORY, "/d\0")).isEqualTo("!E2BIG");
    List<String> read = new ArrayList<>();
    int offset = 0;
    String generation = "";
    while (true) {
      String part = control.ask(Operation.DIRECTORY_PART, "/d\0" + offset + '\0') + '\0';
      assertThat(part.length()).isLessThanOrEqualTo(MessageHeader.PAYLOAD_MAX);
      int nul = part.indexOf('\0');
      assertThat(generation.isEmpty() || generation.equals(part.substring(0, nul))).isTrue();
      generation = part.substring(0, nul);
      String list = part.substring(nul + 1);
      boolean last = list.endsWith("\0\0");
      list = last ? list.substring(0, list.length() - 1) : list;
      read.addAll(List.of(list.substring(0, list.length() - 1).split("\0", -1)));
      offset += list.length();
      if (last) {
        break;
      }
    }
    assertThat(read).isEqualTo(names);
    control.write("/d/0", "");
    assertThat(control.ask(Operation.DIRECTORY_PART, "/d\0000\0"))
        .doesNotStartWith(generation + '\0');
    assertThat(control.ask(Operation.DIRECTORY_PART, "/tool/xenstored\0000\0")).endsWith("\0");
  }

  @Test
  void quotasAndFeaturesAreAskedForAndSet() {
    giveHome(3);
    assertThat(control.ask(Operation.GET_FEATURE, "")).isEqualTo("14");
    assertThat(control.ask(Operation.GET_QUOTA, "")).contains("nodes", "watches");
    assertThat(control.ask(Operation.GET_QUOTA, "nodes\0")).isEqualTo("1000");
    assertThat(control.ask(Operation.SET_QUOTA, "3\0nodes\0002\0")).isEqualTo("OK");
    assertThat(control.ask(Operation.GET_QUOTA, "3\0nodes\0")).isEqualTo("2");
    assertThat(guest.write("a", "")).isEqualTo("OK");
    assertThat(guest.write("b", "")).isEqualTo("!ENOSPC");
    assertThat(control.ask(Operation.CONTROL, "check\0")).isEqualTo("OK");
    assertThat(control.ask(Operation.CONTROL, "print\0hello\0")).isEqualTo("OK");
    assertThat(control.ask(Operation.CONTROL, "nonsense\0")).isEqualTo("!EINVAL");
  }
}
