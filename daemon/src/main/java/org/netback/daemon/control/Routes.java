package org.netback.daemon.control;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.netback.xen.event.InternalErrors;

/// Which request goes where. Filled once, then read by any thread.
public final class Routes {
  private final List<Route> routes = new ArrayList<>();

  private record Route(String method, String template, Pattern path, Endpoint endpoint) {}

  /// Answers one kind of request.
  @FunctionalInterface
  public interface Endpoint {
    /// @param path the parts of the path where its template has `*`
    /// @param body of the request, empty if it had none
    Reply answer(List<String> path, String body) throws RequestException;
  }

  /// @param template a path in which `*` stands for one part of any text: `/vifs/*`
  public Routes add(String method, String template, Endpoint endpoint) {
    Pattern path = Pattern.compile(template.replace("*", "([^/]+)"));
    routes.add(new Route(method, template, path, endpoint));
    return this;
  }

  /// @param errors where what an endpoint throws is recorded; the client is answered with 500
  Reply answer(String method, String path, String body, InternalErrors errors) {
    TreeSet<String> methods = new TreeSet<>();
    for (Route route : routes) {
      Matcher matcher = route.path.matcher(path);
      if (matcher.matches()) {
        methods.add(route.method);
        if (route.method.equals(method)) {
          return answer(route, matcher, body, errors);
        }
      }
    }
    if (!methods.isEmpty()) {
      return Reply.error(
          405, path + " takes " + String.join(", ", methods) + " only, not " + method);
    }
    TreeSet<String> paths = new TreeSet<>();
    routes.forEach(route -> paths.add(route.template));
    return Reply.error(404, "there is no " + path + "; there are " + String.join(", ", paths));
  }

  private static Reply answer(Route route, Matcher matcher, String body, InternalErrors errors) {
    List<String> parts = new ArrayList<>();
    for (int i = 1; i <= matcher.groupCount(); i++) {
      parts.add(matcher.group(i));
    }
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
