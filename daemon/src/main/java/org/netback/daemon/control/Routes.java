package org.netback.daemon.control;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import org.netback.loop.InternalErrors;

/// Which request goes where. Filled once, then read by any thread.
public final class Routes {
  private final List<Route> routes = new ArrayList<>();

  private record Route(String method, String template, List<String> parts, Endpoint endpoint) {
    /// The parts of a path where the template has `*`; empty if the path is another.
    Optional<List<String>> match(List<String> path) {
      if (path.size() != parts.size()) {
        return Optional.empty();
      }
      List<String> any = new ArrayList<>();
      for (int i = 0; i < path.size(); i++) {
        if (parts.get(i).equals("*") && !path.get(i).isEmpty()) {
          any.add(path.get(i));
        } else if (!parts.get(i).equals(path.get(i))) {
          return Optional.empty();
        }
      }
      return Optional.of(any);
    }
  }

  /// Answers one kind of request. Several threads may be in it at a time; it may wait.
  @FunctionalInterface
  public interface Endpoint {
    /// @param path the parts of the path where its template has `*`, decoded: any text without
    ///   control characters, with a slash or dots too
    /// @param body of the request, empty if it had none
    /// @return the answer; a stream is told of its client later, on another thread
    Reply answer(List<String> path, String body) throws RequestException;
  }

  /// @param template a path in which `*` stands for one part of any text but an empty one:
  ///   `/vifs/*`
  public Routes add(String method, String template, Endpoint endpoint) {
    List<String> parts = List.of(template.substring(1).split("/", -1));
    routes.add(new Route(method, template, parts, endpoint));
    return this;
  }

  /// @param target as it stands in the request; a query after `?` changes nothing
  /// @param errors where what an endpoint throws is recorded; the client is answered with 500
  Reply answer(String method, String target, String body, InternalErrors errors) {
    List<String> path;
    try {
      path = RequestPath.parts(target);
    } catch (RequestException e) {
      return Reply.error(e.status(), String.valueOf(e.getMessage()));
    }
    TreeSet<String> methods = new TreeSet<>();
    for (Route route : routes) {
      Optional<List<String>> parts = route.match(path);
      if (parts.isPresent()) {
        methods.add(route.method);
        if (route.method.equals(method)) {
          return answer(route, parts.get(), body, errors);
        }
      }
    }
    String shown = '/' + String.join("/", path);
    if (!methods.isEmpty()) {
      return Reply.error(
          405, shown + " takes " + String.join(", ", methods) + " only, not " + method);
    }
    TreeSet<String> templates = new TreeSet<>();
    routes.forEach(route -> templates.add(route.template));
    return Reply.error(404, "there is no " + shown + "; there are " + String.join(", ", templates));
  }

  private static Reply answer(Route route, List<String> parts, String body, InternalErrors errors) {
    try {
      return route.endpoint.answer(parts, body);
    } catch (RequestException e) {
      return Reply.error(e.status(), String.valueOf(e.getMessage()));
    } catch (Throwable e) {
      errors.record("control API, " + route.method + ' ' + route.template, e);
      return Reply.error(500, "internal error, see the daemon's log: " + e);
    }
  }
}
