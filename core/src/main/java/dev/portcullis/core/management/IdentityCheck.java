package dev.portcullis.core.management;

import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.link.ModuleId;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;

/** Ends calls to a server whose certificate is not that of the kind of module that it should be. */
final class IdentityCheck implements ClientInterceptor {

  private final LinkSecurity security;
  private final ModuleId.Kind kind;

  IdentityCheck(LinkSecurity security, ModuleId.Kind kind) {
    this.security = security;
    this.kind = kind;
  }

  @Override
  public <Q, A> ClientCall<Q, A> interceptCall(
      MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
    return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
      @Override
      public void start(Listener<A> listener, Metadata headers) {
        super.start(
            new SimpleForwardingClientCallListener<>(listener) {
              @Override
              public void onHeaders(Metadata answer) {
                try {
                  security.check(kind, getAttributes());
                  super.onHeaders(answer);
                } catch (StatusRuntimeException e) {
                  cancel(String.valueOf(e.getStatus().getDescription()), e);
                }
              }
            },
            headers);
      }
    };
  }
}
