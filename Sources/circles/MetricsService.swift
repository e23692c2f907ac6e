import Hummingbird
import Logging
import PrometheusMetrics
import ServiceLifecycle

/// `/metrics` and `/healthz` of a process that has no other HTTP face.
enum MetricsService {
    static func make(
        host: String, port: Int, registry: PrometheusRegistry, logger: Logger
    ) -> any Service {
        let router = Router(context: BasicRequestContext.self)
        router.get("healthz") { _, _ in "ok" }
        router.get("metrics") { _, _ in
            Response(
                status: .ok,
                headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: registry.exposition())))
        }
        return Application(
            router: router,
            configuration: .init(address: .hostname(host, port: port)),
            onServerRunning: { channel in
                logger.info(
                    "metrics",
                    metadata: ["address": "\(channel.localAddress.map { "\($0)" } ?? "")"])
            },
            logger: logger)
    }
}
