package dev.portcullis.core.link;

import io.grpc.ServerServiceDefinition;
import java.util.concurrent.Executor;

/**
 * A service that is offered on the address of the links, and the thread that its calls run on.
 *
 * @param service the service
 * @param executor runs its callbacks, in order
 */
public record Companion(ServerServiceDefinition service, Executor executor) {}
