package dev.portcullis.core.policy;

/**
 * A whole configuration: one PacketGateway and the GatewayPolicy that it names.
 *
 * @param name {@code metadata.name} of the gateway
 * @param gateway its spec
 * @param policy spec of the policy; accepts nothing but what {@code defaultAction} says where the
 *     gateway names none
 */
public record GatewayConfig(String name, GatewaySpec gateway, PolicySpec policy) {}
