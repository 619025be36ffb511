package dev.portcullis.worker;

import dev.portcullis.core.link.Companion;
import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.management.Callers;
import dev.portcullis.core.management.proto.ClearedFlows;
import dev.portcullis.core.management.proto.FlowSelection;
import dev.portcullis.core.management.proto.OperatorGrpc;
import dev.portcullis.core.process.FlowFilter;
import dev.portcullis.core.process.ModuleException;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.util.function.Supplier;

/**
 * Does what an operator asks of a worker, on the address of its links: for who shows the
 * certificate of management, and nobody else. Any thread.
 */
final class WorkerOperator extends OperatorGrpc.OperatorImplBase {

  private final Supplier<Worker> worker;
  private final LinkSecurity security;

  private WorkerOperator(Supplier<Worker> worker, LinkSecurity security) {
    this.worker = worker;
    this.security = security;
  }

  /** The service, for the server of the links. */
  static Companion companion(Supplier<Worker> worker, LinkSecurity security) {
    return new Companion(Callers.known(new WorkerOperator(worker, security)), Runnable::run);
  }

  @Override
  public void clearFlows(FlowSelection selection, StreamObserver<ClearedFlows> answer) {
    try {
      security.checkOperator(Callers.connection());
      FlowFilter filter = FlowFilter.ofQuery(selection.getQuery());
      worker
          .get()
          .clear(filter)
          .thenAccept(
              cleared -> {
                answer.onNext(ClearedFlows.newBuilder().setFlows(cleared).build());
                answer.onCompleted();
              });
    } catch (StatusRuntimeException e) {
      answer.onError(e);
    } catch (ModuleException e) {
      answer.onError(Status.INVALID_ARGUMENT.withDescription(e.sentence()).asRuntimeException());
    }
  }
}
