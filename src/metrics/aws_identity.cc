#include "metrics/aws_identity.h"

#include "base/json.h"
#include "metrics/authentication.h"
#include "metrics/http_fields.h"
#include "metrics/http_provider.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace serin::metrics {

namespace {

constexpr Duration timeout = std::chrono::seconds(10);

std::string variable(const Credentials& credentials, const char* name) {
    return credentials.variable(name).value_or("");
}

std::string trimmed(std::string text) {
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    return text;
}

Result<AwsKeysQuestion> role_question(
    const Credentials& credentials, const std::string& region, const std::string& token_file) {
    SERIN_TRY(std::string token, credentials.file(token_file));
    token = trimmed(std::move(token));
    std::string session = variable(credentials, "AWS_ROLE_SESSION_NAME");
    if (session.empty()) session = "serin";
    std::string address = without_slash(variable(credentials, "AWS_ENDPOINT_URL_STS"));
    if (address.empty()) {
        address = region.empty() ? "https://sts.amazonaws.com"
                                 : fmt::format(
                                       "https://sts.{}.amazonaws.com{}",
                                       region,
                                       region.starts_with("cn-") ? ".cn" : "");
    }
    SERIN_TRY_DO(check_url("AWS_ENDPOINT_URL_STS", address));
    HttpRequest request{.method = "POST", .url = address + "/"};
    request.timeout = timeout;
    request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
    request.body = fmt::format(
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={}&RoleSessionName={}&"
        "WebIdentityToken={}",
        escape_form(variable(credentials, "AWS_ROLE_ARN")),
        escape_form(session),
        escape_form(token));
    return AwsKeysQuestion{.request = std::move(request), .secrets = {token}};
}

Result<AwsKeysQuestion> container_question(
    const Credentials& credentials, const std::string& address) {
    SERIN_TRY_DO(check_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", address));
    std::string token = variable(credentials, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    const std::string file = variable(credentials, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    if (!file.empty()) {
        SERIN_TRY(token, credentials.file(file));
        token = trimmed(std::move(token));
    }
    HttpRequest request{.url = address};
    request.timeout = timeout;
    if (!token.empty()) request.headers.emplace_back("Authorization", token);
    return AwsKeysQuestion{.request = std::move(request), .secrets = {token}};
}

// The text of the first element of this name. Keys hold nothing that XML escapes.
std::string element(std::string_view body, const std::string& name) {
    const std::string open = "<" + name + ">";
    const auto start = body.find(open);
    if (start == std::string_view::npos) return {};
    const auto end = body.find("</" + name + ">", start);
    if (end == std::string_view::npos) return {};
    return std::string(body.substr(start + open.size(), end - start - open.size()));
}

}  // namespace

Result<std::optional<AwsKeysQuestion>> aws_keys_question(
    const Credentials& credentials, const std::string& region) {
    const std::string token_file = variable(credentials, "AWS_WEB_IDENTITY_TOKEN_FILE");
    if (!token_file.empty() && !variable(credentials, "AWS_ROLE_ARN").empty())
        return role_question(credentials, region, token_file);
    if (const auto full = variable(credentials, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
        !full.empty())
        return container_question(credentials, full);
    if (const auto relative = variable(credentials, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        relative.starts_with('/'))
        return container_question(credentials, "http://169.254.170.2" + relative);
    return std::nullopt;
}

Result<AwsKeys> read_aws_keys(const HttpResponse& response) {
    if (response.status != 200)
        return std::unexpected(status_error(response).within("could not get keys of AWS"));
    AwsKeys keys;
    if (const auto body = json::parse(response.body)) {
        const auto field = [&body](const char* at) {
            return std::string(json::text(json::find(*body, at)).value_or(""));
        };
        keys = {
            .access_key_id = field("/AccessKeyId"),
            .secret_access_key = field("/SecretAccessKey"),
            .session_token = field("/Token")};
    } else {
        keys = {
            .access_key_id = element(response.body, "AccessKeyId"),
            .secret_access_key = element(response.body, "SecretAccessKey"),
            .session_token = element(response.body, "SessionToken")};
    }
    const std::string all = keys.access_key_id + keys.secret_access_key + keys.session_token;
    const bool is_clean = all.find_first_of("\r\n") == std::string::npos;
    if (keys.access_key_id.empty() || keys.secret_access_key.empty() || !is_clean)
        return fail(ErrorKind::invalid, "could not get keys of AWS: the answer holds none");
    return keys;
}

}  // namespace serin::metrics
