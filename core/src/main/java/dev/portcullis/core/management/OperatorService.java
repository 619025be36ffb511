package dev.portcullis.core.management;

import dev.portcullis.core.link.Companion;
import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.management.proto.ClearedFlows;
import dev.portcullis.core.management.proto.FlowSelection;
import dev.portcullis.core.management.proto.OperatorGrpc;
import dev.portcullis.core.process.FlowFilter;
import dev.portcullis.core.process.ModuleException;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/**
 * Does what an operator asks of a worker, on the address of its links: for who shows the
 * certificate of management, and nobody else. Any thread.
 */
public final class OperatorService extends OperatorGrpc.OperatorImplBase {

  private final Function<FlowFilter, CompletableFuture<Long>> clear;
  private final LinkSecurity security;

  private OperatorService(
      Function<FlowFilter, CompletableFuture<Long>> clear, LinkSecurity security) {
    this.clear = clear;
    this.security = security;
  }

  /**
   * Returns the service, for the server of the links.
   *
   * @param clear ends flows and says how many there were; called by threads of links
   */
  public static Companion companion(
      Function<FlowFilter, CompletableFuture<Long>> clear, LinkSecurity security) {
    return new Companion(Callers.known(new OperatorService(clear, security)), Runnable::run);
  }

  @Override
  public void clearFlows(FlowSelection selection, StreamObserver<ClearedFlows> answer) {
    try {
      security.checkOperator(Callers.connection());
      clear
          .apply(FlowFilter.ofQuery(selection.getQuery()))
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
