#include "net/transport.h"

#include "net/loop.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <optional>
#include <type_traits>

namespace serin::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

using PlainStream = tcp::socket;
using TlsStream = asio::ssl::stream<tcp::socket>;

// What an operation under way needs; it outlives the transport until the operation has ended.
template <class Stream>
struct Channel {
    Stream stream;
    std::array<char, 8192> in{};
    std::string out;
    bool is_closed = false;

    explicit Channel(Stream accepted) : stream(std::move(accepted)) {}
};

template <class Stream>
class SocketTransport : public Transport {
public:
    explicit SocketTransport(Stream stream)
        : channel_(std::make_shared<Channel<Stream>>(std::move(stream))) {
        error_code error;
        const auto endpoint = socket().remote_endpoint(error);
        if (!error) {
            peer_ = fmt::format("{}:{}", endpoint.address().to_string(), endpoint.port());
        }
    }
    ~SocketTransport() override { SocketTransport::close(); }
    SocketTransport(const SocketTransport&) = delete;
    SocketTransport& operator=(const SocketTransport&) = delete;

    void open(std::function<void(bool)> done) override {
        const auto finish = [channel = channel_, done = std::move(done)](error_code error) {
            if (!channel->is_closed) done(!error);
        };
        if constexpr (is_tls) {
            channel_->stream.async_handshake(asio::ssl::stream_base::server, finish);
        } else {
            asio::post(channel_->stream.get_executor(), [finish] { finish({}); });
        }
    }

    void read(std::function<void(std::string_view)> done) override {
        channel_->stream.async_read_some(
            asio::buffer(channel_->in),
            [channel = channel_, done = std::move(done)](error_code error, size_t size) {
                if (channel->is_closed) return;
                done(error ? std::string_view() : std::string_view(channel->in.data(), size));
            });
    }

    void write(std::string_view bytes, std::function<void(bool)> done) override {
        channel_->out = bytes;
        asio::async_write(
            channel_->stream,
            asio::buffer(channel_->out),
            [channel = channel_, done = std::move(done)](error_code error, size_t) {
                if (!channel->is_closed) done(!error);
            });
    }

    void end_sending() override {
        if constexpr (is_tls) {
            channel_->stream.async_shutdown([channel = channel_](error_code) {});
        } else {
            error_code ignored;
            channel_->stream.shutdown(tcp::socket::shutdown_send, ignored);
        }
    }

    void close() override {
        if (std::exchange(channel_->is_closed, true)) return;
        error_code ignored;
        socket().close(ignored);
    }

    std::string peer() const override { return peer_; }
    bool is_secure() const override { return is_tls; }

    std::string certificate_subject() const override {
        if constexpr (is_tls) {
            SSL* ssl = channel_->stream.native_handle();
            X509* certificate = SSL_get0_peer_certificate(ssl);
            if (certificate == nullptr || SSL_get_verify_result(ssl) != X509_V_OK) return "";
            BIO* text = BIO_new(BIO_s_mem());
            X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
            char* data = nullptr;
            const long size = BIO_get_mem_data(text, &data);
            std::string subject(data, static_cast<size_t>(size));
            BIO_free(text);
            return subject;
        } else {
            return "";
        }
    }

private:
    static constexpr bool is_tls = std::is_same_v<Stream, TlsStream>;

    tcp::socket& socket() {
        if constexpr (is_tls) {
            return channel_->stream.next_layer();
        } else {
            return channel_->stream;
        }
    }

    std::shared_ptr<Channel<Stream>> channel_;
    std::string peer_;
};

Result<asio::ssl::context> make_tls(const TlsOptions& options) {
    asio::ssl::context context(asio::ssl::context::tls_server);
    SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
    // Without it a client with a certificate cannot resume its session.
    static constexpr std::array<unsigned char, 5> id = {'s', 'e', 'r', 'i', 'n'};
    SSL_CTX_set_session_id_context(context.native_handle(), id.data(), id.size());

    const auto check = [](error_code error, const std::string& file, std::string_view what) {
        if (!error) return Result<>();
        return Result<>(fail(
            ErrorKind::invalid,
            fmt::format("cannot use {} as {}: {}", file, what, error.message())));
    };
    error_code error;
    context.use_certificate_chain_file(options.certificate_file, error);
    SERIN_TRY_DO(check(error, options.certificate_file, "TLS certificate"));
    context.use_private_key_file(options.key_file, asio::ssl::context::pem, error);
    SERIN_TRY_DO(check(error, options.key_file, "TLS key"));
    if (!options.client_ca_file.empty()) {
        context.load_verify_file(options.client_ca_file, error);
        SERIN_TRY_DO(check(error, options.client_ca_file, "authority of client certificates"));
        auto mode = asio::ssl::verify_peer;
        if (options.must_have_client_certificate) mode |= asio::ssl::verify_fail_if_no_peer_cert;
        context.set_verify_mode(mode, error);
        SERIN_TRY_DO(check(error, options.client_ca_file, "authority of client certificates"));
    }
    return context;
}

struct AcceptLoop : std::enable_shared_from_this<AcceptLoop> {
    tcp::acceptor acceptor;
    asio::steady_timer pause;
    std::optional<asio::ssl::context> tls;
    Listener::OnAccept on_accept;
    bool is_closed = false;

    explicit AcceptLoop(asio::io_context& io) : acceptor(io), pause(io) {}

    void next() {
        acceptor.async_accept([self = shared_from_this()](error_code error, tcp::socket socket) {
            if (self->is_closed) return;
            if (error) return self->next_later();
            self->hand_over(std::move(socket));
            if (!self->is_closed) self->next();
        });
    }

    // Out of descriptors, mostly: trying again at once would only burn the processor.
    void next_later() {
        pause.expires_after(std::chrono::milliseconds(100));
        pause.async_wait([self = shared_from_this()](error_code) {
            if (!self->is_closed) self->next();
        });
    }

    void hand_over(tcp::socket socket) {
        error_code ignored;
        socket.set_option(tcp::no_delay(true), ignored);
        if (tls) {
            on_accept(
                std::make_unique<SocketTransport<TlsStream>>(TlsStream(std::move(socket), *tls)));
        } else {
            on_accept(std::make_unique<SocketTransport<PlainStream>>(std::move(socket)));
        }
    }

    void close() {
        is_closed = true;
        error_code ignored;
        acceptor.close(ignored);
        pause.cancel();
    }
};

class SocketListener : public Listener {
public:
    explicit SocketListener(std::shared_ptr<AcceptLoop> accepting)
        : accepting_(std::move(accepting)) {}
    ~SocketListener() override { accepting_->close(); }
    SocketListener(const SocketListener&) = delete;
    SocketListener& operator=(const SocketListener&) = delete;

    std::uint16_t port() const override {
        error_code ignored;
        return accepting_->acceptor.local_endpoint(ignored).port();
    }

private:
    std::shared_ptr<AcceptLoop> accepting_;
};

Result<> bind(tcp::acceptor& acceptor, const HttpServerOptions& options) {
    error_code error;
    const auto address = asio::ip::make_address(options.address, error);
    if (error) {
        return fail(ErrorKind::invalid, fmt::format("{} is not an IP address", options.address));
    }
    const tcp::endpoint endpoint(address, options.port);
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error == asio::error::address_in_use) {
        return fail(
            ErrorKind::unavailable,
            fmt::format(
                "port {} is in use on {}: another program listens there",
                options.port,
                options.address));
    }
    if (error) {
        return fail(
            ErrorKind::unavailable,
            fmt::format(
                "cannot listen on {} port {}: {}", options.address, options.port, error.message()));
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(
    AsioLoop& loop, const HttpServerOptions& options, OnAccept on_accept) {
    auto accepting = std::make_shared<AcceptLoop>(loop.context());
    if (options.is_tls) {
        SERIN_TRY(accepting->tls, make_tls(options.tls));
    }
    SERIN_TRY_DO(bind(accepting->acceptor, options));
    accepting->on_accept = std::move(on_accept);
    accepting->next();
    return std::make_unique<SocketListener>(std::move(accepting));
}

}  // namespace serin::net
