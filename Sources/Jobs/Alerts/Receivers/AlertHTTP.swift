import AsyncHTTPClient
import NIOCore
import Synchronization

/// Posts JSON to a receiver that may hang, babble or lie.
struct AlertHTTP: Sendable {
    /// Until an answer's head is there, connection included.
    let timeoutSeconds: Int64
    /// Of an answer, for the error's text.
    private static let answerByteCountMax = 2048
    private static let answerSeconds: Int64 = 2

    /// One for the process: it follows no redirect, which would carry secrets elsewhere, and tries
    /// no connection twice, which is ours to do.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(5), read: .seconds(10)), decompression: .disabled)
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    init(timeoutSeconds: Int64 = 10) {
        self.timeoutSeconds = timeoutSeconds
    }

    struct Answer: Equatable {
        let status: Int
        let retryAfterSeconds: Int64?
        /// The begin of the body of a refusal.
        let text: String
    }

    enum Result: Equatable {
        case answer(Answer)
        /// No byte of the request's body went out.
        case notSent(String)
        /// It went out and no answer came.
        case unanswered(String)
    }

    func post(_ json: String, to url: String) async -> Result {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.headers.add(name: "user-agent", value: "circles-alerts")
        let body = SentBody(json)
        request.body = .stream(body, length: .known(Int64(json.utf8.count)))
        do {
            let response = try await Self.client.execute(
                request, timeout: .seconds(timeoutSeconds))
            let status = Int(response.status.code)
            let text = (200..<300).contains(status) ? "" : await Self.begin(of: response.body)
            return .answer(
                Answer(
                    status: status,
                    retryAfterSeconds: response.headers.first(name: "retry-after").flatMap {
                        Int64($0)
                    }.map { min(max($0, 0), 300) },
                    text: text))
        } catch {
            let text = String("\(error)".prefix(300))
            return body.wasTaken ? .unanswered(text) : .notSent(text)
        }
    }

    /// The begin of a body, as far as it comes within two seconds.
    private static func begin(of body: HTTPClientResponse.Body) async -> String {
        await withTaskGroup(of: [UInt8]?.self) { group in
            group.addTask {
                var bytes: [UInt8] = []
                do {
                    for try await part in body {
                        bytes += part.readableBytesView.prefix(answerByteCountMax - bytes.count)
                        if bytes.count >= answerByteCountMax { break }
                    }
                } catch {
                    // What there is of a text that only explains is enough.
                }
                return bytes
            }
            group.addTask {
                try? await Task.sleep(for: .seconds(answerSeconds))  // ends early with the group
                return nil
            }
            let bytes = await group.next() ?? nil
            group.cancelAll()
            let text = String(decoding: bytes ?? [], as: UTF8.self)
            return String(
                text.map { $0.isNewline || $0.unicodeScalars.contains { $0.value < 32 } ? " " : $0 }
            )
        }
    }
}

/// A body that knows whether the client began to take it, which it does on an open connection.
private final class SentBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    private let text: String
    private let taken = Atomic<Bool>(false)

    init(_ text: String) {
        self.text = text
    }

    var wasTaken: Bool { taken.load(ordering: .acquiring) }

    func makeAsyncIterator() -> Iterator {
        Iterator(body: self)
    }

    struct Iterator: AsyncIteratorProtocol {
        let body: SentBody
        var isDone = false

        mutating func next() async throws -> ByteBuffer? {
            guard !isDone else { return nil }
            isDone = true
            body.taken.store(true, ordering: .releasing)
            return ByteBuffer(string: body.text)
        }
    }
}
