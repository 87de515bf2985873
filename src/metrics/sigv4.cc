#include "metrics/sigv4.h"

#include "base/digest.h"
#include "base/signing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

namespace serin::metrics {

namespace {

struct UrlParts {
    std::string host;  // With the port, if one is written.
    std::string path;
    std::string query;
};

UrlParts parts_of(std::string_view url) {
    const std::string_view usual_port = url.starts_with("https:") ? ":443" : ":80";
    const auto mark = url.find("://");
    if (mark != std::string_view::npos) url.remove_prefix(mark + 3);
    const auto question = url.find('?');
    UrlParts parts;
    if (question != std::string_view::npos) parts.query = url.substr(question + 1);
    url = url.substr(0, question);
    const auto slash = std::min(url.find('/'), url.size());
    parts.host = url.substr(0, slash);
    // Clients leave out the port that goes without saying.
    if (parts.host.ends_with(usual_port)) parts.host.resize(parts.host.size() - usual_port.size());
    parts.path = url.substr(slash);
    if (parts.path.empty()) parts.path = "/";
    return parts;
}

// Sorted by name, then by value.
std::string canonical_query(std::string_view query) {
    std::vector<std::pair<std::string, std::string>> all;
    while (!query.empty()) {
        const std::string_view one = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(one.size() + 1, query.size()));
        if (one.empty()) continue;
        const auto equals = one.find('=');
        all.emplace_back(
            one.substr(0, equals),
            equals == std::string_view::npos ? std::string_view() : one.substr(equals + 1));
    }
    std::ranges::sort(all);
    std::string text;
    for (const auto& [name, value] : all) {
        if (!text.empty()) text += "&";
        text += name + "=" + value;
    }
    return text;
}

// Without blanks around, and with one for each run of them.
std::string canonical_value(std::string_view value) {
    std::string text;
    for (const char letter : value) {
        if (letter == ' ' && (text.empty() || text.ends_with(' '))) continue;
        text.push_back(letter);
    }
    while (text.ends_with(' ')) text.pop_back();
    return text;
}

std::string hex(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes)
        fmt::format_to(std::back_inserter(text), "{:02x}", static_cast<unsigned char>(byte));
    return text;
}

// "20150830T123600Z"
std::string compact_time(Instant now) {
    std::string text = format_time(std::chrono::floor<std::chrono::seconds>(now));
    std::erase(text, '-');
    std::erase(text, ':');
    return text;
}

}  // namespace

void sign_v4(HttpRequest& request, const AwsKeys& keys, const AwsScope& scope, Instant now) {
    const UrlParts url = parts_of(request.url);
    const std::string time = compact_time(now);
    const std::string date = time.substr(0, 8);
    request.headers.emplace_back("X-Amz-Date", time);
    if (!keys.session_token.empty())
        request.headers.emplace_back("X-Amz-Security-Token", keys.session_token);

    std::map<std::string, std::string> headers{{"host", url.host}};
    for (const auto& [name, value] : request.headers) {
        std::string lower = name;
        std::ranges::transform(lower, lower.begin(), [](unsigned char letter) {
            return static_cast<char>(std::tolower(letter));
        });
        std::string& listed = headers[lower];
        if (!listed.empty()) listed += ",";
        listed += canonical_value(value);
    }
    std::string canonical_headers;
    std::string signed_headers;
    for (const auto& [name, value] : headers) {
        canonical_headers += name + ":" + value + "\n";
        signed_headers += (signed_headers.empty() ? "" : ";") + name;
    }
    const std::string canonical = fmt::format(
        "{}\n{}\n{}\n{}\n{}\n{}",
        request.method,
        url.path,
        canonical_query(url.query),
        canonical_headers,
        signed_headers,
        sha256_hex(request.body));
    const std::string credential =
        fmt::format("{}/{}/{}/aws4_request", date, scope.region, scope.service);
    const std::string to_sign =
        fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", time, credential, sha256_hex(canonical));
    std::string key = "AWS4" + keys.secret_access_key;
    for (const std::string_view part :
         {std::string_view(date),
          std::string_view(scope.region),
          std::string_view(scope.service),
          std::string_view("aws4_request")})
        key = hmac_sha256(key, part);
    request.headers.emplace_back(
        "Authorization",
        fmt::format(
            "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}",
            keys.access_key_id,
            credential,
            signed_headers,
            hex(hmac_sha256(key, to_sign))));
}

}  // namespace serin::metrics
