package dev.portcullis.core.link;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;

/** A peer is refused: why, and the status that it is told. Made by {@link LinkFault#refusal}. */
final class RefusedException extends StatusRuntimeException {

  private static final long serialVersionUID = 1L;

  private final LinkFault fault;

  RefusedException(LinkFault fault, Status status) {
    super(status);
    this.fault = fault;
  }

  LinkFault fault() {
    return fault;
  }

  /** What is wrong, in one sentence. */
  String why() {
    return String.valueOf(getStatus().getDescription());
  }
}
