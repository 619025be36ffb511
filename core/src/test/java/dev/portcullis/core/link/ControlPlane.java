package dev.portcullis.core.link;

import com.google.protobuf.Any;
import com.google.protobuf.BoolValue;
import com.google.protobuf.Message;
import com.google.protobuf.UInt32Value;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.stub.StreamObserver;
import io.grpc.xds.shaded.io.envoyproxy.envoy.config.cluster.v3.Cluster;
import io.grpc.xds.shaded.io.envoyproxy.envoy.config.core.v3.Address;
import io.grpc.xds.shaded.io.envoyproxy.envoy.config.core.v3.AggregatedConfigSource;
import io.grpc.xds.shaded.io.envoyproxy.envoy.config.core.v3.ConfigSource;
import io.grpc.xds.shaded.io.envoyproxy.envoy.config.core.v3.Locality;
import io.grpc.xds.shaded.io.envoyproxy.envoy.config.core.v3.SocketAddress;
import io.grpc.xds.shaded.io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import io.grpc.xds.shaded.io.envoyproxy.envoy.config.endpoint.v3.Endpoint;
import io.grpc.xds.shaded.io.envoyproxy.envoy.config.endpoint.v3.LbEndpoint;
import io.grpc.xds.shaded.io.envoyproxy.envoy.config.endpoint.v3.LocalityLbEndpoints;
import io.grpc.xds.shaded.io.envoyproxy.envoy.config.listener.v3.ApiListener;
import io.grpc.xds.shaded.io.envoyproxy.envoy.config.listener.v3.Filter;
import io.grpc.xds.shaded.io.envoyproxy.envoy.config.listener.v3.FilterChain;
import io.grpc.xds.shaded.io.envoyproxy.envoy.config.listener.v3.Listener;
import io.grpc.xds.shaded.io.envoyproxy.envoy.config.route.v3.NonForwardingAction;
import io.grpc.xds.shaded.io.envoyproxy.envoy.config.route.v3.Route;
import io.grpc.xds.shaded.io.envoyproxy.envoy.config.route.v3.RouteAction;
import io.grpc.xds.shaded.io.envoyproxy.envoy.config.route.v3.RouteConfiguration;
import io.grpc.xds.shaded.io.envoyproxy.envoy.config.route.v3.RouteMatch;
import io.grpc.xds.shaded.io.envoyproxy.envoy.config.route.v3.VirtualHost;
import io.grpc.xds.shaded.io.envoyproxy.envoy.extensions.filters.http.router.v3.Router;
import io.grpc.xds.shaded.io.envoyproxy.envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;
import io.grpc.xds.shaded.io.envoyproxy.envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter;
import io.grpc.xds.shaded.io.envoyproxy.envoy.service.discovery.v3.AggregatedDiscoveryServiceGrpc;
import io.grpc.xds.shaded.io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import io.grpc.xds.shaded.io.envoyproxy.envoy.service.discovery.v3.DiscoveryResponse;
import java.io.IOException;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The control plane of a mesh: tells gRPC by xDS where the services of {@link #place} are, and
 * servers that they may listen. Answers what is asked for once; nothing changes later.
 */
final class ControlPlane implements AutoCloseable {

  private static final String SERVER = "server/";
  private static final String HOST = "127.0.0.1";

  private final Map<String, Integer> services = new ConcurrentHashMap<>();
  private final Server server;

  ControlPlane() throws IOException {
    server =
        Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
            .addService(new Ads())
            .build()
            .start();
  }

  /** What a program is told of it, as the file that {@code GRPC_XDS_BOOTSTRAP} names. */
  String bootstrap() {
    return """
        {"xds_servers": [{"server_uri": "%s:%d", "channel_creds": [{"type": "insecure"}], "server_features": ["xds_v3"]}],
         "node": {"id": "test"}, "server_listener_resource_name_template": "%s%%s"}"""
        .formatted(HOST, server.getPort(), SERVER);
  }

  /** From now on the service {@code name:port} is at a port of this machine. */
  void place(String name, int port) {
    services.put(name, port);
  }

  private @Nullable Message resource(String type, String name) {
    if (type.endsWith("Listener") && name.startsWith(SERVER)) {
      return listening(name);
    }
    Integer port = services.get(name);
    if (port == null) {
      return null;
    }
    return switch (type.substring(type.lastIndexOf('.') + 1)) {
      case "Listener" ->
          Listener.newBuilder()
              .setName(name)
              .setApiListener(
                  ApiListener.newBuilder()
                      .setApiListener(
                          Any.pack(
                              manager(
                                  Route.newBuilder()
                                      .setRoute(RouteAction.newBuilder().setCluster(name))))))
              .build();
      case "Cluster" ->
          Cluster.newBuilder()
              .setName(name)
              .setType(Cluster.DiscoveryType.EDS)
              .setEdsClusterConfig(
                  Cluster.EdsClusterConfig.newBuilder()
                      .setEdsConfig(
                          ConfigSource.newBuilder()
                              .setAds(AggregatedConfigSource.getDefaultInstance())))
              .build();
      case "ClusterLoadAssignment" ->
          ClusterLoadAssignment.newBuilder()
              .setClusterName(name)
              .addEndpoints(
                  LocalityLbEndpoints.newBuilder()
                      .setLocality(Locality.newBuilder().setZone("here"))
                      .setLoadBalancingWeight(UInt32Value.of(1))
                      .addLbEndpoints(
                          LbEndpoint.newBuilder()
                              .setEndpoint(Endpoint.newBuilder().setAddress(address(HOST, port)))))
              .build();
      default -> null;
    };
  }

  private static Listener listening(String name) {
    String[] at = name.substring(SERVER.length()).split(":(?=\\d+$)");
    return Listener.newBuilder()
        .setName(name)
        .setAddress(address(at[0], Integer.parseInt(at[1])))
        .setDefaultFilterChain(
            FilterChain.newBuilder()
                .setName("all")
                .addFilters(
                    Filter.newBuilder()
                        .setName("calls")
                        .setTypedConfig(
                            Any.pack(
                                manager(
                                    Route.newBuilder()
                                        .setNonForwardingAction(
                                            NonForwardingAction.getDefaultInstance()))))))
        .build();
  }

  private static Address address(String host, int port) {
    return Address.newBuilder()
        .setSocketAddress(SocketAddress.newBuilder().setAddress(host).setPortValue(port))
        .build();
  }

  private static HttpConnectionManager manager(Route.Builder route) {
    return HttpConnectionManager.newBuilder()
        .setRouteConfig(
            RouteConfiguration.newBuilder()
                .setName("all")
                .addVirtualHosts(
                    VirtualHost.newBuilder()
                        .setName("all")
                        .addDomains("*")
                        .addRoutes(
                            route.setMatch(
                                RouteMatch.newBuilder()
                                    .setPrefix("")
                                    .setCaseSensitive(BoolValue.of(true))))))
        .addHttpFilters(
            HttpFilter.newBuilder()
                .setName("router")
                .setTypedConfig(Any.pack(Router.getDefaultInstance())))
        .build();
  }

  @Override
  public void close() {
    server.shutdownNow();
  }

  private final class Ads
      extends AggregatedDiscoveryServiceGrpc.AggregatedDiscoveryServiceImplBase {
    @Override
    public StreamObserver<DiscoveryRequest> streamAggregatedResources(
        StreamObserver<DiscoveryResponse> answers) {
      return new StreamObserver<>() {
        private final Map<String, Set<String>> told = new ConcurrentHashMap<>();

        @Override
        public void onNext(DiscoveryRequest request) {
          String type = request.getTypeUrl();
          Set<String> names = Set.copyOf(request.getResourceNamesList());
          if (names.isEmpty() || names.equals(told.put(type, names))) {
            return; // it has what it asked for
          }
          DiscoveryResponse.Builder answer =
              DiscoveryResponse.newBuilder()
                  .setTypeUrl(type)
                  .setVersionInfo(Integer.toString(names.size()))
                  .setNonce(type + names.size());
          for (String name : names) {
            Message it = resource(type, name);
            if (it != null) {
              answer.addResources(Any.pack(it));
            }
          }
          answers.onNext(answer.build());
        }

        @Override
        public void onError(Throwable cause) {
          // the program has ended
        }

        @Override
        public void onCompleted() {
          answers.onCompleted();
        }
      };
    }
  }
}
