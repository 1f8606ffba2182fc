package org.netback.xen.embedded.xenstored;

/// The result of looking for a node on a domain's behalf: the node, or why that domain gets none.
sealed interface Lookup permits Lookup.Found, StoreError {
  record Found(Node node) implements Lookup {}
}
