#include "net/curl_client.h"

#include "base/check.h"
#include "net/curl_exchange.h"
#include "net/loop.h"

#include <curl/curl.h>

#include <map>
#include <utility>
#include <vector>

namespace serin::net {

// libcurl tells which sockets and which timer it waits for, and is told when they are due. Easy
// handles are added and removed only outside its callbacks.
struct CurlClient::Multi : std::enable_shared_from_this<CurlClient::Multi> {
    struct SocketWatch {
        EventLoop::Watch readable;
        EventLoop::Watch writable;
    };

    AsioLoop& loop;
    CURLM* multi = nullptr;
    std::map<curl_socket_t, SocketWatch> sockets;
    EventLoop::Watch timer;
    std::map<std::int64_t, std::unique_ptr<Exchange>> exchanges;
    std::int64_t last_id = 0;

    explicit Multi(AsioLoop& on) : loop(on), multi(curl_multi_init()) {
        SERIN_CHECK(multi != nullptr);
        curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &Multi::on_socket);
        curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
        curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &Multi::on_timer);
        curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
    }
    ~Multi() { close(); }
    Multi(const Multi&) = delete;
    Multi& operator=(const Multi&) = delete;

    void close() {
        if (multi == nullptr) return;
        while (!exchanges.empty()) remove(exchanges.begin()->first);
        curl_multi_cleanup(std::exchange(multi, nullptr));
        sockets.clear();
        timer.reset();
    }

    static int on_socket(CURL*, curl_socket_t fd, int what, void* user, void*) {
        auto& self = *static_cast<Multi*>(user);
        if (what == CURL_POLL_REMOVE) {
            self.sockets.erase(fd);
            return 0;
        }
        SocketWatch& watch = self.sockets[fd];
        const bool reads = what == CURL_POLL_IN || what == CURL_POLL_INOUT;
        const bool writes = what == CURL_POLL_OUT || what == CURL_POLL_INOUT;
        const auto ready = [&self, fd](int event) {
            return [weak = self.weak_from_this(), fd, event] {
                if (const auto alive = weak.lock()) alive->act(fd, event);
            };
        };
        if (!reads) watch.readable.reset();
        if (!writes) watch.writable.reset();
        if (reads && !watch.readable) {
            watch.readable = self.loop.on_readable(fd, ready(CURL_CSELECT_IN));
        }
        if (writes && !watch.writable) {
            watch.writable = self.loop.on_writable(fd, ready(CURL_CSELECT_OUT));
        }
        return 0;
    }

    static int on_timer(CURLM*, long milliseconds, void* user) {
        auto& self = *static_cast<Multi*>(user);
        if (milliseconds < 0) {
            self.timer.reset();
            return 0;
        }
        self.timer = self.loop.after(Duration(milliseconds), [weak = self.weak_from_this()] {
            if (const auto alive = weak.lock()) alive->act(CURL_SOCKET_TIMEOUT, 0);
        });
        return 0;
    }

    void act(curl_socket_t fd, int event) {
        if (multi == nullptr) return;
        int running = 0;
        curl_multi_socket_action(multi, fd, event, &running);
        report_news();
        report_finished();
    }

    // Not within libcurl's call, because `on_body` may cancel.
    void report_news() {
        std::vector<std::int64_t> streams;
        for (const auto& [id, exchange] : exchanges) {
            if (!exchange->news.empty()) streams.push_back(id);
        }
        for (const std::int64_t id : streams) {
            const auto found = exchanges.find(id);
            if (found == exchanges.end()) continue;
            const std::string news = std::exchange(found->second->news, "");
            const auto on_body = found->second->request.on_body;
            on_body(news);
        }
    }

    // `done` may send and cancel, and destroy the client.
    void report_finished() {
        int left = 0;
        while (multi != nullptr) {
            const CURLMsg* message = curl_multi_info_read(multi, &left);
            if (message == nullptr) return;
            if (message->msg != CURLMSG_DONE) continue;
            const CURLcode code = message->data.result;
            char* pointer = nullptr;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &pointer);
            auto* exchange = reinterpret_cast<Exchange*>(pointer);
            Result<HttpResponse> result = outcome(*exchange, code);
            const HttpClient::Done done = std::move(exchange->done);
            remove(exchange->id);
            done(std::move(result));
        }
    }

    void remove(std::int64_t id) {
        const auto found = exchanges.find(id);
        if (found == exchanges.end()) return;
        const std::unique_ptr<Exchange> kept = std::move(found->second);
        exchanges.erase(found);
        if (kept->easy != nullptr) curl_multi_remove_handle(multi, kept->easy);
    }

    void fail_later(Exchange& exchange, Error error) {
        exchange.failing =
            loop.after(Duration(0), [this, &exchange, error = std::move(error)]() mutable {
                // The exchange owns this task: what is used after its end is moved out of both.
                const HttpClient::Done done = std::move(exchange.done);
                Error kept = std::move(error);
                remove(exchange.id);
                done(std::unexpected(std::move(kept)));
            });
    }
};

namespace {

class CurlCall : public HttpClient::Call {
public:
    explicit CurlCall(std::function<void()> cancel) : cancel_(std::move(cancel)) {}
    ~CurlCall() override { cancel_(); }
    CurlCall(const CurlCall&) = delete;
    CurlCall& operator=(const CurlCall&) = delete;

private:
    std::function<void()> cancel_;
};

}  // namespace

CurlClient::CurlClient(AsioLoop& loop, std::string ca_file) : ca_file_(std::move(ca_file)) {
    set_up_globally();
    multi_ = std::make_shared<Multi>(loop);
}

CurlClient::~CurlClient() {
    multi_->close();
}

std::unique_ptr<HttpClient::Call> CurlClient::send(HttpRequest request, Done done) {
    auto owned = std::make_unique<Exchange>();
    Exchange* exchange = owned.get();
    exchange->request = std::move(request);
    if (exchange->request.ca_file.empty()) exchange->request.ca_file = ca_file_;
    exchange->done = std::move(done);
    exchange->id = ++multi_->last_id;
    multi_->exchanges[exchange->id] = std::move(owned);

    exchange->easy = curl_easy_init();
    SERIN_CHECK(exchange->easy != nullptr);
    if (const auto set = set_up(*exchange); !set) {
        multi_->fail_later(*exchange, set.error());
    } else {
        const CURLMcode added = curl_multi_add_handle(multi_->multi, exchange->easy);
        SERIN_CHECK(added == CURLM_OK);
    }
    return std::make_unique<CurlCall>([weak = std::weak_ptr(multi_), id = exchange->id] {
        if (const auto multi = weak.lock()) multi->remove(id);
    });
}

}  // namespace serin::net
