#include "net/request_reader.h"

#include "base/check.h"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <cctype>

namespace serin::net {

namespace http = boost::beast::http;

struct RequestReader::Parser {
    http::request_parser<http::string_body> http;
};

namespace {

std::string copy(boost::beast::string_view text) {
    return {text.data(), text.size()};
}

std::string lower_case(boost::beast::string_view text) {
    std::string lower = copy(text);
    for (char& letter : lower) {
        letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    }
    return lower;
}

RequestReader::Refusal explain(boost::system::error_code error) {
    if (error == http::error::header_limit) return {431, "the request header is too large"};
    if (error == http::error::body_limit) return {413, "the request body is too large"};
    if (error == http::error::buffer_overflow) return {413, "the request is too large"};
    return {400, "malformed HTTP request: " + error.message()};
}

}  // namespace

RequestReader::RequestReader(Limits limits) : limits_(limits), parser_(std::make_unique<Parser>()) {
    parser_->http.header_limit(limits.header_bytes_max);
    parser_->http.body_limit(limits.body_bytes_max);
    parser_->http.eager(true);
}

RequestReader::~RequestReader() = default;

std::expected<size_t, RequestReader::Refusal> RequestReader::feed(std::string_view bytes) {
    if (bytes.empty()) return 0;
    has_begun_ = true;
    boost::system::error_code error;
    const size_t used = parser_->http.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
    if (error == http::error::need_more) {
        // The parser takes lines (of the header, of a chunk) only whole, so their limit is kept
        // here.
        if (bytes.size() - used > limits_.header_bytes_max) {
            if (!has_header()) return std::unexpected(explain(http::error::header_limit));
            return std::unexpected(explain(http::error::bad_chunk));
        }
        return used;
    }
    if (error) return std::unexpected(explain(error));
    return used;
}

bool RequestReader::has_begun() const {
    return has_begun_;
}
bool RequestReader::has_header() const {
    return parser_->http.is_header_done();
}
bool RequestReader::is_complete() const {
    return parser_->http.is_done();
}

bool RequestReader::wants_continue() const {
    const auto& message = parser_->http.get();
    return has_header() && !is_complete() && message.version() == 11 &&
           boost::beast::iequals(message[http::field::expect], "100-continue");
}

HttpServerRequest RequestReader::take() {
    SERIN_CHECK(is_complete());
    auto message = parser_->http.release();
    HttpServerRequest request;
    request.method = copy(message.method_string());
    request.target = copy(message.target());
    request.version_minor = message.version() == 10 ? 0 : 1;
    request.is_kept_alive = message.keep_alive();
    for (const auto& field : message) {
        request.headers.emplace_back(lower_case(field.name_string()), copy(field.value()));
    }
    request.body = std::move(message.body());
    return request;
}

}  // namespace serin::net
