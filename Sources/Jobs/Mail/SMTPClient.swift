internal import CCurl
import Glibc

/// Sends mail over SMTP with libcurl.
///
/// libcurl: "You must never share the same handle in multiple threads" (libcurl-thread(3)); each
/// call makes its own.
struct SMTPClient: Sendable {
    struct Configuration: Sendable {
        /// `smtp://host:port`, or `smtps://` for TLS from the first byte.
        var url: String
        var user: String?
        var password: String?
        /// Whether the connection must be upgraded by STARTTLS.
        var requiresTLS: Bool
        /// PEM of the authorities that may sign the server's certificate; the system's when `nil`.
        var authorityFile: String?
        /// For the whole message, from the connection to the server's last word.
        var timeoutMilliseconds = 60_000
    }

    /// A message that was not delivered.
    struct Failure: Error, Sendable, CustomStringConvertible {
        let message: String
        /// The server's last reply code; 0 when there was none.
        let replyCode: Int
        /// Whether the same message may be accepted later.
        let isRetriable: Bool
        /// Whether the server may have taken the message all the same: it was handed over and the
        /// answer did not come.
        let isUncertain: Bool

        var description: String { "\(message) (reply \(replyCode))" }
    }

    let configuration: Configuration

    /// Once per process and before any thread uses libcurl, which is what this does.
    private static let isInitialized: Bool =
        curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// Hands the message to the server and waits for its answer.
    ///
    /// - Throws: `Failure`.
    @available(*, noasync)
    func send(_ message: [UInt8], from: String, to: String) throws(Failure) {
        guard Self.isInitialized, let handle = curl_easy_init() else {
            throw Failure(
                message: "libcurl does not start", replyCode: 0, isRetriable: true,
                isUncertain: false)
        }
        defer { curl_easy_cleanup(handle) }
        let recipients = curl_slist_append(nil, "<\(to)>")
        defer { curl_slist_free_all(recipients) }
        circles_curl_set_string(handle, CURLOPT_URL, configuration.url)
        circles_curl_set_string(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps")
        circles_curl_set_string(handle, CURLOPT_MAIL_FROM, "<\(from)>")
        circles_curl_set_list(handle, CURLOPT_MAIL_RCPT, recipients)
        circles_curl_set_long(handle, CURLOPT_TIMEOUT_MS, configuration.timeoutMilliseconds)
        // For the goodbye, which the other limit does not cover: 120 s at a server that hangs.
        circles_curl_set_long(
            handle, CURLOPT_SERVER_RESPONSE_TIMEOUT,
            (configuration.timeoutMilliseconds + 999) / 1000)
        circles_curl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, 10_000)
        circles_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
        if let user = configuration.user, let password = configuration.password {
            circles_curl_set_string(handle, CURLOPT_USERNAME, user)
            circles_curl_set_string(handle, CURLOPT_PASSWORD, password)
        }
        if configuration.requiresTLS {
            circles_curl_set_long(handle, CURLOPT_USE_SSL, Int(CURLUSESSL_ALL.rawValue))
        }
        if let authorityFile = configuration.authorityFile {
            circles_curl_set_string(handle, CURLOPT_CAINFO, authorityFile)
        }
        let code: CURLcode = message.withUnsafeBytes { bytes in
            guard let upload = circles_curl_upload_new(handle, bytes.baseAddress, bytes.count)
            else { return CURLE_OUT_OF_MEMORY }
            defer { circles_curl_upload_free(upload) }
            return curl_easy_perform(handle)
        }
        guard code != CURLE_OK else { return }
        var reply = 0
        circles_curl_response_code(handle, &reply)
        // 354 is the server's last word before the message: after it, silence proves nothing.
        let isHandedOver = reply == 354
        throw Failure(
            message: String(cString: curl_easy_strerror(code)), replyCode: reply,
            // A refused login is our mistake, and may be mended while the message waits.
            isRetriable: !isHandedOver
                && (code == CURLE_LOGIN_DENIED || !(500..<600).contains(reply)),
            isUncertain: isHandedOver)
    }
}
