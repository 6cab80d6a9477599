/* lib/auth: JSON Web Tokens. The good tokens are from RFC 7515, A.1 to A.3, or made elsewhere; the
   bad ones are what attackers send. tests/system/jwt.test.mjs has those that must be signed anew.
 */
#include "auth/auth_priv.h"
#include "auth/jwt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cmocka.h>

#define NOW_MS INT64_C(1795170600000)
#define NOW_S  1795170600

enum { NONE, HS256, RS256, ES256 };

static const char secret[] = "a secret that is long enough, or nearly so";
static char role_claim[] = "role";

/* RFC 7515, A.3: a public key of the curve P-256. */
static const char ec_key[] = "-----BEGIN PUBLIC KEY-----\n"
                             "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
                             "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
                             "-----END PUBLIC KEY-----\n";

static struct {
  char path[64];
  struct conf conf;
  struct auth_jwt *jwt;
} fixture;

/* Loads a key file of this text. Returns: as auth_jwt_load. */
static int load(int algorithm, const char *text, struct belfry_error *error) {
  auth_jwt_free(fixture.jwt);
  FILE *file = fopen(fixture.path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
  fixture.conf.access_jwt_algorithm = algorithm;
  fixture.conf.access_jwt_key_file = fixture.path;
  fixture.conf.access_jwt_role_claim = role_claim;
  fixture.conf.access_jwt_leeway_ms = 1000;
  return auth_jwt_load(&fixture.conf, &fixture.jwt, error);
}

static int set_up(void **state) {
  (void)state;
  strcpy(fixture.path, "/tmp/belfry-jwt-XXXXXX");
  int fd = mkstemp(fixture.path);
  close(fd);
  return fd < 0;
}

static int tear_down(void **state) {
  (void)state;
  auth_jwt_free(fixture.jwt);
  fixture.jwt = NULL;
  return unlink(fixture.path);
}

static void put_base64url(char *out, const void *data, size_t len) {
  unsigned char text[8192];
  assert_true(len < 6000);
  EVP_EncodeBlock(text, data, (int)len);
  for (size_t i = 0; text[i] && text[i] != '='; i++)
    *out++ = text[i] == '+' ? '-' : text[i] == '/' ? '_' : (char)text[i];
  *out = '\0';
}

/* Makes a token that is signed as HS256 with `key`, whatever it says. */
static void sign(const char *header, const char *claims, const char *key, char out[16384]) {
  unsigned char mac[32];
  unsigned len = sizeof mac;
  put_base64url(out, header, strlen(header));
  strcat(out, ".");
  put_base64url(out + strlen(out), claims, strlen(claims));
  HMAC(EVP_sha256(), key, (int)strlen(key), (unsigned char *)out, strlen(out), mac, &len);
  strcat(out, ".");
  put_base64url(out + strlen(out), mac, len);
}

static int check(const char *token, struct auth_identity *out) {
  struct belfry_error error = {0};
  *out = (struct auth_identity){0};
  int status = auth_jwt_check(fixture.jwt, slice_of(token), NOW_MS, out, &error);
  assert_int_equal(status, error.code);
  return status;
}

#define CLAIMS "\"sub\":\"robot\",\"role\":\"viewer\",\"exp\":1795170660"
#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

static void test_a_good_token(void **state) {
  (void)state;
  char token[16384];
  struct auth_identity who;
  struct belfry_error error = {0};
  assert_int_equal(load(HS256,
                        "another one that is also long enough\n\n  a secret that is long "
                        "enough, or nearly so \n",
                        &error),
                   0);
  sign(HEADER, "{" CLAIMS "}", secret, token);
  assert_int_equal(check(token, &who), 0);
  assert_string_equal(who.name, "robot");
  assert_int_equal(who.role, AUTH_ROLE_VIEWER);
  assert_int_equal(who.kind, AUTH_JWT);
  assert_int_equal(who.expires_ms, NOW_MS + 61000); /* with the leeway */
}

static void test_bad_claims(void **state) {
  (void)state;
  static const char *const bad[] = {
      "{}",
      "[]",
      "{" CLAIMS,
      "{\"sub\":\"robot\",\"role\":\"viewer\"}",
      "{\"sub\":\"robot\",\"role\":\"viewer\",\"exp\":1795170599}",
      "{\"sub\":\"robot\",\"role\":\"viewer\",\"exp\":\"1795170660\"}",
      "{\"sub\":\"robot\",\"role\":\"viewer\",\"exp\":1e300}",
      "{\"sub\":\"robot\",\"role\":\"viewer\",\"exp\":-1}",
      "{\"sub\":\"robot\",\"role\":\"viewer\",\"exp\":true}",
      "{" CLAIMS ",\"nbf\":1795170602}",
      "{" CLAIMS ",\"nbf\":\"now\"}",
      "{" CLAIMS ",\"role\":\"admin\"}",
      "{" CLAIMS ",\"aud\":\"x\"}",
      "{\"sub\":\"robot\",\"exp\":1795170660}",
      "{\"sub\":\"robot\",\"role\":\"none\",\"exp\":1795170660}",
      "{\"sub\":\"robot\",\"role\":[\"admin\"],\"exp\":1795170660}",
      "{\"role\":\"viewer\",\"exp\":1795170660}",
      "{\"sub\":\"\",\"role\":\"viewer\",\"exp\":1795170660}",
      "{\"sub\":\"a\\nb\",\"role\":\"viewer\",\"exp\":1795170660}",
      "{\"sub\":\"0123456789012345678901234567890123456789012345678901234567890123456789\","
      "\"role\":\"viewer\",\"exp\":1795170660}",
  };
  char token[16384];
  struct auth_identity who;
  struct belfry_error error = {0};
  assert_int_equal(load(HS256, secret, &error), 0);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    sign(HEADER, bad[i], secret, token);
    if (check(token, &who) != BELFRY_EDENIED)
      fail_msg("these claims were taken: %s", bad[i]);
  }
  /* The last moments are good by the leeway. */
  sign(HEADER, "{\"sub\":\"r\",\"role\":\"viewer\",\"exp\":1795170599.5,\"nbf\":1795170601}",
       secret, token);
  assert_int_equal(check(token, &who), 0);
}

static void test_parties(void **state) {
  (void)state;
  static char issuer[] = "https://id.example", audience[] = "belfry";
  char token[16384];
  struct auth_identity who;
  struct belfry_error error = {0};
  static const struct {
    const char *claims;
    int status;
  } rows[] = {
      {"{" CLAIMS ",\"iss\":\"https://id.example\",\"aud\":\"belfry\"}", 0},
      {"{" CLAIMS ",\"iss\":\"https://id.example\",\"aud\":[1,\"x\",\"belfry\"]}", 0},
      {"{" CLAIMS ",\"iss\":\"https://id.example\",\"aud\":[]}", BELFRY_EDENIED},
      {"{" CLAIMS ",\"iss\":\"https://id.example\",\"aud\":\"belfry2\"}", BELFRY_EDENIED},
      {"{" CLAIMS ",\"iss\":\"https://id.example\",\"aud\":{\"belfry\":1}}", BELFRY_EDENIED},
      {"{" CLAIMS ",\"iss\":\"https://id.example\"}", BELFRY_EDENIED},
      {"{" CLAIMS ",\"iss\":\"https://id.example.evil\",\"aud\":\"belfry\"}", BELFRY_EDENIED},
      {"{" CLAIMS ",\"aud\":\"belfry\"}", BELFRY_EDENIED},
  };
  assert_int_equal(load(HS256, secret, &error), 0);
  fixture.conf.access_jwt_issuer = issuer;
  fixture.conf.access_jwt_audience = audience;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    sign(HEADER, rows[i].claims, secret, token);
    if (check(token, &who) != rows[i].status)
      fail_msg("%s", rows[i].claims);
  }
  fixture.conf.access_jwt_issuer = fixture.conf.access_jwt_audience = NULL;
}

static void test_the_algorithm_is_not_the_tokens_choice(void **state) {
  (void)state;
  static const char *const headers[] = {
      "{\"alg\":\"none\"}",
      "{\"alg\":\"None\"}",
      "{\"alg\":\"RS256\"}",
      "{\"alg\":\"HS384\"}",
      "{\"alg\":\"hs256\"}",
      "{\"typ\":\"JWT\"}",
      "{\"alg\":256}",
      "{\"alg\":null}",
      "[\"HS256\"]",
      "",
      "{\"alg\":\"HS256\",\"alg\":\"HS256\"}",
      "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}",
  };
  char token[16384];
  struct auth_identity who;
  struct belfry_error error = {0};
  assert_int_equal(load(HS256, secret, &error), 0);
  for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
    sign(headers[i], "{" CLAIMS "}", secret, token);
    if (check(token, &who) != BELFRY_EDENIED)
      fail_msg("this header was taken: %s", headers[i]);
    strrchr(token, '.')[1] = '\0';
    assert_int_equal(check(token, &who), BELFRY_EDENIED);
  }
  /* The public key is public: as a secret it must be worth nothing. */
  assert_int_equal(load(ES256, ec_key, &error), 0);
  sign(HEADER, "{" CLAIMS "}", ec_key, token);
  assert_int_equal(check(token, &who), BELFRY_EDENIED);
  sign("{\"alg\":\"ES256\"}", "{" CLAIMS "}", ec_key, token);
  assert_int_equal(check(token, &who), BELFRY_EDENIED);
}

static void test_signatures(void **state) {
  (void)state;
  char token[16384], changed[16384];
  struct auth_identity who;
  struct belfry_error error = {0};
  assert_int_equal(load(HS256, secret, &error), 0);
  sign(HEADER, "{" CLAIMS "}", "a secret that nobody here knows of, of 32 bytes", token);
  assert_int_equal(check(token, &who), BELFRY_EDENIED);
  sign(HEADER, "{" CLAIMS "}", secret, token);
  for (size_t len = 0; len < strlen(token); len++) {
    memcpy(changed, token, len);
    changed[len] = '\0';
    if (check(changed, &who) != BELFRY_EDENIED)
      fail_msg("%zu bytes of %zu were taken", len, strlen(token));
  }
  /* RFC 7515, A.3: a good signature; its claims have expired long ago and name nobody. */
  assert_int_equal(load(ES256, ec_key, &error), 0);
  int status = auth_jwt_check(
      fixture.jwt,
      slice_of(
          "eyJhbGciOiJFUzI1NiJ9."
          "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb29"
          "0Ijp0cnVlfQ."
          "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU"
          "1Q"),
      NOW_MS, &who, &error);
  assert_int_equal(status, BELFRY_EDENIED);
  assert_string_equal(error.text, "the JWT has expired");
}

static void test_what_is_too_long_is_not_looked_at(void **state) {
  (void)state;
  static char huge[65536];
  struct auth_identity who;
  struct belfry_error error = {0};
  assert_int_equal(load(HS256, secret, &error), 0);
  memset(huge, 'a', sizeof huge - 1);
  huge[100] = huge[60000] = '.';
  assert_int_equal(check(huge, &who), BELFRY_EDENIED);
  huge[60000] = 'a';
  huge[JWT_BYTES_MAX] = '\0';
  huge[200] = '.';
  assert_int_equal(check(huge, &who), BELFRY_EDENIED);
}

static void test_key_files(void **state) {
  (void)state;
  static const struct {
    int algorithm;
    const char *text;
  } bad[] = {
      {HS256, ""},
      {HS256, "too short"},
      {HS256, ec_key}, /* a public key is no secret */
      {HS256, "0123456789012345678901234567890123456789\nshort\n"},
      {RS256, ec_key},
      {ES256, ""},
      {ES256, secret},
      {ES256, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"},
      {ES256, "-----BEGIN PUBLIC KEY-----\n"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct belfry_error error = {0};
    if (load(bad[i].algorithm, bad[i].text, &error) == 0 || fixture.jwt)
      fail_msg("the key file %zu was taken", i);
    assert_non_null(strstr(error.text, fixture.path));
  }
  struct belfry_error error = {0};
  assert_int_equal(load(NONE, "", &error), 0);
  assert_null(fixture.jwt);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_good_token),
      cmocka_unit_test(test_bad_claims),
      cmocka_unit_test(test_parties),
      cmocka_unit_test(test_the_algorithm_is_not_the_tokens_choice),
      cmocka_unit_test(test_signatures),
      cmocka_unit_test(test_what_is_too_long_is_not_looked_at),
      cmocka_unit_test(test_key_files),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
