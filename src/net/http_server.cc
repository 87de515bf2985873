#include "net/http_server.h"

#include "base/log.h"
#include "net/connection.h"
#include "net/loop.h"
#include "net/transport.h"

#include <map>

namespace serin::net {

namespace {

class Server : public HttpServer {
public:
    Server(AsioLoop& loop, HttpServerOptions options, HttpHandler handler)
        : loop_(loop), options_(std::move(options)), handler_(std::move(handler)) {}
    ~Server() override { Server::stop(); }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    Result<> open() {
        SERIN_TRY(
            listener_,
            Listener::open(loop_, options_, [this](std::unique_ptr<Transport> transport) {
                accept(std::move(transport));
            }));
        port_ = listener_->port();
        return {};
    }

    std::uint16_t port() const override { return port_; }
    size_t connection_count() const override { return connections_.size(); }

    void stop() override {
        listener_.reset();
        const auto open = std::exchange(connections_, {});
        for (const auto& [id, connection] : open) connection->close();
    }

private:
    void accept(std::unique_ptr<Transport> transport) {
        if (connections_.size() >= options_.connections_max) {
            log::warning("http_connection_refused", {{"reason", "too many connections"}});
            return;
        }
        const std::int64_t id = ++last_id_;
        const auto connection = std::make_shared<Connection>(
            loop_, options_, handler_, std::move(transport), [this, id] {
                connections_.erase(id);
            });
        connections_[id] = connection;
        connection->start();
    }

    AsioLoop& loop_;
    HttpServerOptions options_;
    HttpHandler handler_;
    std::unique_ptr<Listener> listener_;
    std::uint16_t port_ = 0;
    std::map<std::int64_t, std::shared_ptr<Connection>> connections_;
    std::int64_t last_id_ = 0;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::listen(
    AsioLoop& loop, HttpServerOptions options, HttpHandler handler) {
    auto server = std::make_unique<Server>(loop, std::move(options), std::move(handler));
    SERIN_TRY_DO(server->open());
    return server;
}

}  // namespace serin::net
