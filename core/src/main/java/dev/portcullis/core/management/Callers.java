package dev.portcullis.core.management;

import io.grpc.Attributes;
import io.grpc.BindableService;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import java.util.Objects;

/** Who calls a service: its methods are told of the connection that a call came over. */
public final class Callers {

  private static final Context.Key<Attributes> CONNECTION = Context.key("connection");

  private Callers() {}

  /** Returns the service with {@link #connection} known while a method is called. */
  public static ServerServiceDefinition known(BindableService service) {
    return ServerInterceptors.intercept(
        service,
        new ServerInterceptor() {
          @Override
          public <Q, A> ServerCall.Listener<Q> interceptCall(
              ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
            return Contexts.interceptCall(
                Context.current().withValue(CONNECTION, call.getAttributes()), call, headers, next);
          }
        });
  }

  /** The connection of the call that the thread handles. */
  public static Attributes connection() {
    return Objects.requireNonNull(CONNECTION.get());
  }
}
