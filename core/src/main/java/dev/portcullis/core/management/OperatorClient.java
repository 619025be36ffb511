package dev.portcullis.core.management;

import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.management.proto.FlowSelection;
import dev.portcullis.core.management.proto.OperatorGrpc;
import dev.portcullis.core.process.ExitCode;
import dev.portcullis.core.process.HostPort;
import dev.portcullis.core.process.ModuleException;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import java.util.concurrent.TimeUnit;

/** The operator's side of what a worker does for one. Any thread. */
public final class OperatorClient {

  private static final long TIMEOUT_S = 30;

  private OperatorClient() {}

  /**
   * Ends flows of a worker.
   *
   * @param worker where it takes links
   * @param security the certificate of management
   * @param query filters, as in the query of a URL; empty: all flows
   * @return how many were ended
   * @throws ModuleException with a sentence when the worker refuses or does not answer
   */
  public static long clearFlows(HostPort worker, LinkSecurity security, String query)
      throws ModuleException {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress(worker.host(), worker.port(), security.channelCredentials())
            .intercept(new IdentityCheck(security, ModuleId.Kind.WORKER))
            .build();
    try {
      return OperatorGrpc.newBlockingStub(channel)
          .withDeadlineAfter(TIMEOUT_S, TimeUnit.SECONDS)
          .clearFlows(FlowSelection.newBuilder().setQuery(query).build())
          .getFlows();
    } catch (StatusRuntimeException e) {
      Status status = e.getStatus();
      boolean wrong = status.getCode() == Status.Code.INVALID_ARGUMENT;
      throw new ModuleException(
          wrong ? ExitCode.USAGE : ExitCode.FAILED,
          wrong
              ? String.valueOf(status.getDescription())
              : worker
                  + " has cleared no flows: "
                  + (status.getDescription() == null ? status.getCode() : status.getDescription()));
    } finally {
      channel.shutdownNow();
    }
  }
}
