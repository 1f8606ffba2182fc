package org.netback.xen.embedded.xenstored;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.netback.properties.Property;
import org.netback.properties.Sample;

/// Random requests of several clients, in and out of transactions, against a plain map of paths. A
/// transaction that commits must have seen what it would have seen had it run alone at its end, or
/// at its start if it changed nothing.
class SerializabilityTest {
  private static final int CLIENTS = 3;

  enum Kind {
    READ,
    LIST,
    WRITE,
    WRITE_TOO,
    MKDIR,
    REMOVE,
    BEGIN,
    COMMIT,
    ABANDON
  }

  record Step(int client, Kind kind, String path, String value) {}

  /// The model of the store: every path but the root's with its value.
  private static final class Model {
    private final NavigableMap<String, String> values;

    Model(Map<String, String> values) {
      this.values = new TreeMap<>(values);
    }

    private boolean has(String path) {
      return path.equals("/") || values.containsKey(path);
    }

    private static String parent(String path) {
      int slash = path.lastIndexOf('/');
      return slash == 0 ? "/" : path.substring(0, slash);
    }

    private void makeParents(String path) {
      for (String at = parent(path); !at.equals("/"); at = parent(at)) {
        values.putIfAbsent(at, "");
      }
    }

    /// Does what the store should, and answers what it should.
    String apply(Step step) {
      String path = step.path();
      return switch (step.kind()) {
        case READ -> has(path) ? values.getOrDefault(path, "") : "!ENOENT";
        case LIST -> has(path) ? String.join("\0", names(path)) : "!ENOENT";
        case WRITE, WRITE_TOO -> {
          makeParents(path);
          values.put(path, step.value());
          yield "OK";
        }
        case MKDIR -> {
          makeParents(path);
          values.putIfAbsent(path, "");
          yield "OK";
        }
        case REMOVE -> {
          if (!has(path)) {
            yield has(parent(path)) ? "OK" : "!ENOENT";
          }
          values.keySet().removeIf(each -> each.equals(path) || each.startsWith(path + "/"));
          yield "OK";
        }
        case BEGIN, COMMIT, ABANDON -> throw new IllegalArgumentException("not of the tree");
      };
    }

    private List<String> names(String path) {
      List<String> names = new ArrayList<>();
      for (String each : values.keySet()) {
        if (parent(each).equals(path)) {
          names.add(each.substring(each.lastIndexOf('/') + 1));
        }
      }
      return names.stream().sorted().toList();
    }
  }

  /// What one client did in its transaction, and what it was told.
  private static final class Running {
    final int id;
    final Model start;
    final long changesAtStart;
    final List<Step> steps = new ArrayList<>();
    final List<String> answers = new ArrayList<>();

    Running(int id, Model start, long changesAtStart) {
      this.id = id;
      this.start = start;
      this.changesAtStart = changesAtStart;
    }
  }

  private static Step step(Sample sample) {
    List<String> names = sample.list(1, 3, () -> sample.oneOf("a", "b", "a-b", "c"));
    return new Step(
        sample.between(0, CLIENTS - 1),
        sample.oneOf(Kind.values()),
        "/" + String.join("/", names),
        Integer.toString(sample.between(0, 9)));
  }

  @Test
  void committedTransactionsAreAsIfTheyRanAlone() {
    Property.holds(2000, SerializabilityTest::runAndCompare);
  }

  private static void runAndCompare(Sample sample) {
    List<Step> steps = sample.list(1, 120, () -> step(sample));
    Store store = new Store();
    List<Client> clients = new ArrayList<>();
    List<List<Running>> running = new ArrayList<>();
    for (int i = 0; i < CLIENTS; i++) {
      clients.add(new Client(store, 0));
      running.add(new ArrayList<>());
    }
    clients.getFirst().remove("/tool");
    Model model = new Model(Map.of());
    long changes = 0;
    for (Step step : steps) {
      Client client = clients.get(step.client());
      List<Running> mine = running.get(step.client());
      switch (step.kind()) {
        case BEGIN -> {
          if (mine.isEmpty()) {
            mine.add(new Running(client.begin(), new Model(model.values), changes));
          }
        }
        case ABANDON -> {
          if (!mine.isEmpty()) {
            int id = mine.removeFirst().id;
            assertThat(client.ask(id, Operation.TRANSACTION_END, "F\0")).isEqualTo("OK");
          }
        }
        case COMMIT -> {
          if (!mine.isEmpty()) {
            Running transaction = mine.removeFirst();
            String end = client.commit(transaction.id);
            Model alone = new Model(transaction.start.values);
            transaction.steps.forEach(alone::apply);
            boolean changed =
                transaction.steps.stream().anyMatch(each -> each.kind().name().startsWith("WRITE"))
                    || !alone.values.equals(transaction.start.values);
            if (end.equals("OK")) {
              Model at = changed ? model : transaction.start;
              List<String> answers = transaction.steps.stream().map(at::apply).toList();
              assertThat(transaction.answers).isEqualTo(answers);
              changes++;
            } else {
              assertThat(end).isEqualTo("!EAGAIN");
              assertThat(changed || !transaction.steps.isEmpty()).isTrue();
              assertThat(changes).isGreaterThan(transaction.changesAtStart);
            }
          }
        }
        default -> {
          if (mine.isEmpty()) {
            assertThat(ask(client, 0, step)).isEqualTo(model.apply(step));
            changes++;
          } else {
            mine.getFirst().steps.add(step);
            mine.getFirst().answers.add(ask(client, mine.getFirst().id, step));
          }
        }
      }
    }
    assertThat(tree(clients.getFirst())).isEqualTo(model.values);
    assertThat(store.getToKnow(0).nodes()).isEqualTo(3 + model.values.size());
  }

  private static String ask(Client client, int transaction, Step step) {
    return switch (step.kind()) {
      case READ -> client.ask(transaction, Operation.READ, step.path() + '\0');
      case LIST -> client.ask(transaction, Operation.DIRECTORY, step.path() + '\0');
      case WRITE, WRITE_TOO ->
          client.ask(transaction, Operation.WRITE, step.path() + '\0' + step.value());
      case MKDIR -> client.ask(transaction, Operation.MKDIR, step.path() + '\0');
      case REMOVE -> client.ask(transaction, Operation.RM, step.path() + '\0');
      case BEGIN, COMMIT, ABANDON -> throw new IllegalArgumentException("not of the tree");
    };
  }

  private static Map<String, String> tree(Client client) {
    Map<String, String> found = new TreeMap<>();
    List<String> left = new ArrayList<>(List.of("/"));
    while (!left.isEmpty()) {
      String path = left.removeLast();
      if (!path.equals("/")) {
        found.put(path, client.read(path));
      }
      String names = client.ask(Operation.DIRECTORY, path + '\0');
      for (String name : names.isEmpty() ? List.<String>of() : List.of(names.split("\0", -1))) {
        left.add(path.equals("/") ? "/" + name : path + "/" + name);
      }
    }
    return found;
  }

  @Test
  void childrenStayInOrderAndShallow() {
    Property.holds(
        500,
        sample -> {
          List<Integer> changes = sample.list(0, 400, () -> sample.between(-60, 60));
          Children children = Children.NONE;
          Map<String, Integer> model = new TreeMap<>();
          Node node = Node.create(NodeValue.EMPTY, Permissions.NONE, 1);
          for (int change : changes) {
            String name = Integer.toString(Math.abs(change));
            if (change >= 0) {
              children = children.with(name, node);
              model.put(name, change);
            } else {
              children = children.without(name);
              model.remove(name);
            }
          }
          List<String> names = new ArrayList<>();
          children.forEach((name, _) -> names.add(name));
          assertThat(names).isEqualTo(new ArrayList<>(model.keySet()));
          assertThat(children.size()).isEqualTo(model.size());
          assertThat(children.octets())
              .isEqualTo(model.keySet().stream().mapToInt(name -> name.length() + 1).sum());
          assertThat(children.height())
              .isLessThanOrEqualTo((int) (1.45 * Math.log(model.size() + 2) / Math.log(2)) + 1);
        });
  }
}
