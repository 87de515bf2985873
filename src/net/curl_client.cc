#include "net/curl_client.h"

#include "base/check.h"
#include "net/loop.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <vector>

namespace serin::net {

namespace {

constexpr size_t header_bytes_max = 256 << 10;

struct Exchange {
    std::int64_t id = 0;  // Addresses are used again, numbers are not.
    CURL* easy = nullptr;
    curl_slist* headers = nullptr;
    HttpRequest request;
    HttpClient::Done done;
    HttpResponse response;
    std::string news;  // Of the body, for on_body.
    size_t header_bytes = 0;
    std::optional<Error> refusal;  // Why a callback of ours made libcurl give up.
    EventLoop::Watch failing;      // The request could not even be started.

    Exchange() = default;
    ~Exchange() {
        curl_easy_cleanup(easy);
        curl_slist_free_all(headers);
    }
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;
};

std::string_view trim(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) {
        text.remove_prefix(1);
    }
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) {
        text.remove_suffix(1);
    }
    return text;
}

// The URL as messages may show it: without user information, query and fragment.
std::string shown(const std::string& url) {
    std::string_view rest = url;
    std::string scheme;
    if (const size_t mark = rest.find("://"); mark != std::string_view::npos) {
        scheme = rest.substr(0, mark + 3);
        rest.remove_prefix(mark + 3);
    }
    rest = rest.substr(0, rest.find_first_of("?#"));
    const size_t path = std::min(rest.find('/'), rest.size());
    if (const size_t at = rest.substr(0, path).rfind('@'); at != std::string_view::npos) {
        rest.remove_prefix(at + 1);
    }
    return scheme + std::string(rest);
}

bool is_loopback(const std::string& url) {
    const std::string plain = shown(url);
    const size_t mark = plain.find("://");
    const std::string_view host =
        std::string_view(plain).substr(mark == std::string::npos ? 0 : mark + 3);
    return host.starts_with("127.") || host.starts_with("[::1]") ||
           host.starts_with("localhost:") || host.starts_with("localhost/") || host == "localhost";
}

size_t take_header(char* bytes, size_t one, size_t count, void* user) {
    auto& exchange = *static_cast<Exchange*>(user);
    const std::string_view line(bytes, one * count);
    exchange.header_bytes += line.size();
    if (exchange.header_bytes > header_bytes_max) {
        exchange.refusal = Error{ErrorKind::invalid, "the answer's header is too large"};
        return 0;
    }
    if (line.starts_with("HTTP/")) {  // Also after a redirect or an interim response.
        exchange.response.headers.clear();
        return line.size();
    }
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return line.size();
    std::string name(trim(line.substr(0, colon)));
    std::ranges::transform(name, name.begin(), [](unsigned char letter) {
        return static_cast<char>(std::tolower(letter));
    });
    exchange.response.headers.emplace_back(
        std::move(name), std::string(trim(line.substr(colon + 1))));
    return line.size();
}

int status_of(const Exchange& exchange) {
    long status = 0;
    curl_easy_getinfo(exchange.easy, CURLINFO_RESPONSE_CODE, &status);
    return static_cast<int>(status);
}

size_t take_body(char* bytes, size_t one, size_t count, void* user) {
    auto& exchange = *static_cast<Exchange*>(user);
    const size_t size = one * count;
    if (exchange.request.on_body && status_of(exchange) < 300) {
        exchange.news.append(bytes, size);
        return size;
    }
    const auto limit = static_cast<size_t>(exchange.request.body_bytes_max);
    if (exchange.response.body.size() + size > limit) {
        exchange.refusal =
            Error{ErrorKind::invalid, fmt::format("the answer is larger than {} bytes", limit)};
        return 0;
    }
    exchange.response.body.append(bytes, size);
    return size;
}

ErrorKind kind_of(CURLcode code) {
    switch (static_cast<int>(code)) {
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_BAD_CONTENT_ENCODING:
        case CURLE_TOO_MANY_REDIRECTS:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_FILESIZE_EXCEEDED:
        case CURLE_BAD_FUNCTION_ARGUMENT:
            return ErrorKind::invalid;
        default:
            return ErrorKind::unavailable;
    }
}

void set_up(Exchange& exchange) {
    CURL* easy = exchange.easy;
    const HttpRequest& request = exchange.request;
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    const bool is_endless = request.on_body && request.timeout.count() == 0;
    const auto timeout = std::max<Duration::rep>(request.timeout.count(), 1);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, is_endless ? 0L : static_cast<long>(timeout));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, 10L);
    // As other clients do it: no proxy is asked about this machine's own addresses.
    if (is_loopback(request.url)) curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    if (request.redirects_max > 0) {
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
        curl_easy_setopt(easy, CURLOPT_MAXREDIRS, static_cast<long>(request.redirects_max));
    }
    if (!request.unix_socket.empty()) {
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
    }
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, request.verify_peer ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, request.verify_peer ? 2L : 0L);
    const auto set_file = [easy](CURLoption option, const std::string& file) {
        if (!file.empty()) curl_easy_setopt(easy, option, file.c_str());
    };
    set_file(CURLOPT_CAINFO, request.ca_file);
    set_file(CURLOPT_SSLCERT, request.certificate_file);
    set_file(CURLOPT_SSLKEY, request.key_file);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, &exchange);
}

Result<> set_message(Exchange& exchange) {
    CURL* easy = exchange.easy;
    const HttpRequest& request = exchange.request;
    const auto is_unsafe = [](const std::string& text) {
        return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos;
    };
    // Else libcurl sends a type of its own, and waits for "100 Continue" before larger bodies.
    exchange.headers = curl_slist_append(nullptr, "Expect:");
    bool has_type = false;
    for (const auto& [name, value] : request.headers) {
        if (is_unsafe(name) || is_unsafe(value)) {
            return fail(ErrorKind::invalid, "a request header contains a line break");
        }
        std::string lower = name;
        std::ranges::transform(lower, lower.begin(), [](unsigned char letter) {
            return static_cast<char>(std::tolower(letter));
        });
        has_type = has_type || lower == "content-type";
        const std::string line = value.empty() ? name + ";" : fmt::format("{}: {}", name, value);
        exchange.headers = curl_slist_append(exchange.headers, line.c_str());
    }
    if (request.method == "HEAD") {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
        if (!has_type) exchange.headers = curl_slist_append(exchange.headers, "Content-Type:");
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(
            easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
    }
    if (is_unsafe(request.method) || request.method.contains(' ')) {
        return fail(ErrorKind::invalid, "the request's method is not one");
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange.headers);
    return {};
}

void set_up_globally() {
    static const CURLcode done = curl_global_init(CURL_GLOBAL_DEFAULT);
    SERIN_CHECK(done == CURLE_OK);
}

}  // namespace

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

    static Result<HttpResponse> outcome(Exchange& exchange, CURLcode code) {
        if (code == CURLE_OK) {
            exchange.response.status = status_of(exchange);
            return std::move(exchange.response);
        }
        const std::string target = shown(exchange.request.url);
        if (exchange.refusal) {
            return std::unexpected(std::move(*exchange.refusal).within(target));
        }
        if (code == CURLE_OPERATION_TIMEDOUT) {
            return fail(
                ErrorKind::unavailable,
                fmt::format(
                    "{}: no answer within {}", target, format_duration(exchange.request.timeout)));
        }
        return fail(kind_of(code), fmt::format("{}: {}", target, curl_easy_strerror(code)));
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
    set_up(*exchange);
    if (const auto set = set_message(*exchange); !set) {
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
