<?php
// A receiver of the widespread kind: token, then the signature of the raw body.

$raw = file_get_contents('php://input');
$provided = $_SERVER['HTTP_X_WEBHOOK_TOKEN'] ?? '';
$secret = getenv('WEBHOOK_SECRET');

if (!hash_equals($secret, $provided)) {
    http_response_code(401);
    echo 'unauthorized';
    exit;
}

$hmac = $_SERVER['HTTP_X_WEBHOOK_SIGNATURE'] ?? '';
if ($hmac && !hash_equals(hash_hmac('sha256', $raw, $secret), $hmac)) {
    http_response_code(401);
    echo 'bad signature';
    exit;
}

http_response_code(200);
echo 'ok';
