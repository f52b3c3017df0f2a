terraform {
  required_providers { aws = { source = "hashicorp/aws", version = "5.100.0" } }
}
# Endpoints and keys come from the environment: AWS_ENDPOINT_URL, as `culm cluster env` prints it.
variable "image" {}
variable "small" {}
variable "port" {}
variable "release" { default = "1" }
provider "aws" {
  region                      = "us-east-1"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = false
  s3_use_path_style           = true
}
resource "aws_vpc" "main" {
  cidr_block           = "10.20.0.0/16"
  enable_dns_hostnames = true
}
resource "aws_subnet" "a" {
  vpc_id            = aws_vpc.main.id
  cidr_block        = "10.20.1.0/24"
  availability_zone = "us-east-1a"
}
resource "aws_subnet" "b" {
  vpc_id            = aws_vpc.main.id
  cidr_block        = "10.20.2.0/24"
  availability_zone = "us-east-1b"
}
resource "aws_internet_gateway" "main" { vpc_id = aws_vpc.main.id }
resource "aws_route_table" "main" {
  vpc_id = aws_vpc.main.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }
}
resource "aws_route_table_association" "a" {
  subnet_id      = aws_subnet.a.id
  route_table_id = aws_route_table.main.id
}
resource "aws_security_group" "web" {
  name   = "web"
  vpc_id = aws_vpc.main.id
  ingress {
    from_port   = 80
    to_port     = 80
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
  ingress {
    from_port   = 8
    to_port     = 0
    protocol    = "icmp"
    cidr_blocks = ["10.0.0.0/8"]
  }
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
resource "aws_ecr_repository" "web" {
  name         = "terraform"
  force_delete = true
  image_scanning_configuration { scan_on_push = false }
}
resource "aws_ecr_lifecycle_policy" "web" {
  repository = aws_ecr_repository.web.name
  policy     = jsonencode({ rules = [{ rulePriority = 1, description = "old", selection = { tagStatus = "untagged", countType = "imageCountMoreThan", countNumber = 5 }, action = { type = "expire" } }] })
}
resource "aws_iam_role" "task" {
  name               = "tf-task"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }] })
  tags               = { a = var.release }
}
resource "aws_iam_role_policy" "task" {
  name   = "read"
  role   = aws_iam_role.task.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "*" }] })
}
resource "aws_iam_policy" "more" {
  name   = "tf-more"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:ListBucket", Resource = "*" }] })
}
resource "aws_iam_role_policy_attachment" "more" {
  role       = aws_iam_role.task.name
  policy_arn = aws_iam_policy.more.arn
}
resource "aws_lb" "main" {
  name               = "tf-main"
  load_balancer_type = "application"
  subnets            = [aws_subnet.a.id, aws_subnet.b.id]
  security_groups    = [aws_security_group.web.id]
}
resource "aws_lb_target_group" "web" {
  name                 = "tf-web"
  port                 = 80
  protocol             = "HTTP"
  vpc_id               = aws_vpc.main.id
  deregistration_delay = var.release == "1" ? 30 : 20
  health_check { path = "/health" }
}
resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.main.arn
  port              = var.port
  protocol          = "HTTP"
  default_action {
    type = "fixed-response"
    fixed_response {
      content_type = "text/plain"
      message_body = "none"
      status_code  = "404"
    }
  }
}
resource "aws_lb_listener_rule" "web" {
  listener_arn = aws_lb_listener.http.arn
  priority     = 10
  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }
  condition {
    path_pattern { values = ["/web/*"] }
  }
}
resource "aws_ecs_cluster" "main" {
  name = "tf"
}
resource "aws_iam_instance_profile" "ecs" {
  name = "tf-ecs"
  role = aws_iam_role.task.name
}
resource "aws_ecs_cluster" "fleet" {
  name = "tf-fleet"
}
resource "aws_launch_template" "ecs" {
  name_prefix            = "tf-"
  image_id               = "ami-00000000000000001"
  instance_type          = var.release == "1" ? "t3.micro" : "t3.small"
  vpc_security_group_ids = [aws_security_group.web.id]
  iam_instance_profile { arn = aws_iam_instance_profile.ecs.arn }
  metadata_options { http_tokens = "required" }
  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_size = 30
      volume_type = "gp3"
    }
  }
  user_data = base64encode("#!/bin/bash\necho ECS_CLUSTER=${aws_ecs_cluster.fleet.name} >> /etc/ecs/ecs.config\n")
  tag_specifications {
    resource_type = "instance"
    tags          = { Name = "tf-ecs" }
  }
}
resource "aws_autoscaling_group" "ecs" {
  name                  = "tf-ecs"
  min_size              = 0
  max_size              = 3
  desired_capacity      = var.release == "1" ? 1 : 2
  vpc_zone_identifier   = [aws_subnet.a.id, aws_subnet.b.id]
  protect_from_scale_in = true
  launch_template {
    id      = aws_launch_template.ecs.id
    version = "$Latest"
  }
  tag {
    key                 = "AmazonECSManaged"
    value               = true
    propagate_at_launch = true
  }
  tag {
    key                 = "release"
    value               = var.release
    propagate_at_launch = false
  }
}
resource "aws_ecs_capacity_provider" "ecs" {
  name = "tf-ecs"
  auto_scaling_group_provider {
    auto_scaling_group_arn         = aws_autoscaling_group.ecs.arn
    managed_termination_protection = "ENABLED"
    managed_scaling {
      status          = "ENABLED"
      target_capacity = var.release == "1" ? 100 : 80
    }
  }
}
resource "aws_ecs_cluster_capacity_providers" "fleet" {
  cluster_name       = aws_ecs_cluster.fleet.name
  capacity_providers = [aws_ecs_capacity_provider.ecs.name]
  default_capacity_provider_strategy {
    capacity_provider = aws_ecs_capacity_provider.ecs.name
    weight            = 1
  }
}
resource "aws_ecs_service" "fleet" {
  name            = "fleet"
  cluster         = aws_ecs_cluster.fleet.id
  task_definition = aws_ecs_task_definition.web.arn
  desired_count   = var.release == "1" ? 1 : 2
  capacity_provider_strategy {
    capacity_provider = aws_ecs_capacity_provider.ecs.name
    weight            = 1
  }
  ordered_placement_strategy {
    type  = "spread"
    field = "instanceId"
  }
  wait_for_steady_state = true
  depends_on            = [aws_ecs_cluster_capacity_providers.fleet]
}
resource "aws_cloudwatch_log_group" "web" {
  name              = "/tf/web"
  retention_in_days = 7
}
resource "aws_ecs_task_definition" "web" {
  family                   = "tf-web"
  network_mode             = "bridge"
  requires_compatibilities = ["EC2"]
  task_role_arn            = aws_iam_role.task.arn
  container_definitions = jsonencode([{
    name             = "web", image = var.image, memory = 64, essential = true,
    portMappings     = [{ containerPort = 8080, hostPort = 0, protocol = "tcp" }],
    logConfiguration = { logDriver = "awslogs", options = { "awslogs-group" = aws_cloudwatch_log_group.web.name, "awslogs-region" = "us-east-1", "awslogs-stream-prefix" = "web" } }
  }])
}
resource "aws_ecs_service" "web" {
  name            = "web"
  cluster         = aws_ecs_cluster.main.id
  task_definition = aws_ecs_task_definition.web.arn
  desired_count   = 1
  launch_type     = "EC2"
  load_balancer {
    target_group_arn = aws_lb_target_group.web.arn
    container_name   = "web"
    container_port   = 8080
  }
  depends_on = [aws_lb_listener_rule.web]
}
resource "aws_ecs_cluster_capacity_providers" "main" {
  cluster_name       = aws_ecs_cluster.main.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
}
resource "aws_lb_target_group" "small" {
  name                 = "tf-small"
  port                 = 80
  protocol             = "HTTP"
  vpc_id               = aws_vpc.main.id
  target_type          = "ip"
  deregistration_delay = 1
  health_check {
    interval          = 5
    timeout           = 2
    healthy_threshold = 2
  }
}
resource "aws_lb_listener_rule" "small" {
  listener_arn = aws_lb_listener.http.arn
  priority     = 20
  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.small.arn
  }
  condition {
    path_pattern { values = ["/*"] }
  }
}
resource "aws_ecs_task_definition" "small" {
  family                   = "tf-small"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = var.release == "1" ? "256" : "512"
  memory                   = "1024"
  container_definitions    = jsonencode([{ name = "small", image = var.small, stopTimeout = 2, portMappings = [{ containerPort = 8080 }], environment = [{ name = "PORT", value = "8080" }, { name = "HOST", value = "0.0.0.0" }] }])
}
resource "aws_ecs_service" "small" {
  name                  = "small"
  cluster               = aws_ecs_cluster.main.id
  task_definition       = aws_ecs_task_definition.small.arn
  desired_count         = 2
  launch_type           = "FARGATE"
  wait_for_steady_state = true
  network_configuration {
    subnets          = [aws_subnet.a.id, aws_subnet.b.id]
    security_groups  = [aws_security_group.web.id]
    assign_public_ip = true
  }
  load_balancer {
    target_group_arn = aws_lb_target_group.small.arn
    container_name   = "small"
    container_port   = 8080
  }
  depends_on = [aws_lb_listener_rule.small]
}
resource "aws_appautoscaling_target" "small" {
  service_namespace  = "ecs"
  resource_id        = "service/${aws_ecs_cluster.main.name}/${aws_ecs_service.small.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = 2
  max_capacity       = 6
  tags               = { release = var.release }
}
resource "aws_appautoscaling_policy" "small" {
  name               = "cpu"
  service_namespace  = "ecs"
  resource_id        = aws_appautoscaling_target.small.resource_id
  scalable_dimension = "ecs:service:DesiredCount"
  policy_type        = "TargetTrackingScaling"
  target_tracking_scaling_policy_configuration {
    predefined_metric_specification { predefined_metric_type = "ECSServiceAverageCPUUtilization" }
    target_value = 60
  }
}
resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "tf-errors"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 1
  metric_name         = "HTTPCode_Target_5XX_Count"
  namespace           = "AWS/ApplicationELB"
  period              = 60
  statistic           = "Sum"
  threshold           = 10
}
resource "aws_ssm_parameter" "name" {
  name  = "/tf/name"
  type  = "SecureString"
  value = "v${var.release}"
}
resource "aws_secretsmanager_secret" "key" {
  name                    = "tf-key"
  recovery_window_in_days = 0
}
resource "aws_secretsmanager_secret_version" "key" {
  secret_id     = aws_secretsmanager_secret.key.id
  secret_string = "s${var.release}"
}
resource "aws_s3_bucket" "files" {
  bucket        = "tf-files"
  force_destroy = true
}
resource "aws_s3_bucket_versioning" "files" {
  bucket = aws_s3_bucket.files.id
  versioning_configuration { status = "Enabled" }
}
resource "aws_s3_bucket" "logs" {
  bucket        = "tf-logs"
  force_destroy = true
  tags          = { release = var.release }
}
resource "aws_s3_bucket_ownership_controls" "logs" {
  bucket = aws_s3_bucket.logs.id
  rule { object_ownership = "BucketOwnerPreferred" }
}
resource "aws_s3_bucket_acl" "logs" {
  bucket     = aws_s3_bucket.logs.id
  acl        = "private"
  depends_on = [aws_s3_bucket_ownership_controls.logs]
}
resource "aws_s3_bucket_public_access_block" "logs" {
  bucket                  = aws_s3_bucket.logs.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}
resource "aws_s3_bucket_server_side_encryption_configuration" "logs" {
  bucket = aws_s3_bucket.logs.id
  rule {
    apply_server_side_encryption_by_default { sse_algorithm = "AES256" }
  }
}
resource "aws_s3_bucket_lifecycle_configuration" "logs" {
  bucket = aws_s3_bucket.logs.id
  rule {
    id     = "expire"
    status = "Enabled"
    filter { prefix = "alb/" }
    expiration { days = var.release == "1" ? 30 : 60 }
  }
}
resource "aws_s3_bucket_cors_configuration" "files" {
  bucket = aws_s3_bucket.files.id
  cors_rule {
    allowed_methods = ["PUT"]
    allowed_origins = ["https://v${var.release}.example"]
  }
}
resource "aws_s3_object" "hello" {
  bucket  = aws_s3_bucket.files.id
  key     = "hello.txt"
  content = "hello ${var.release}"
}
resource "aws_db_instance" "main" {
  identifier          = "tf-main"
  engine              = "postgres"
  instance_class      = "db.t3.micro"
  allocated_storage   = 20
  username            = "owner"
  password            = "secret-secret"
  skip_final_snapshot = true
}
